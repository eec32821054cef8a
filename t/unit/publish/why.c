/* Unit tests of publish/why.c: facts in, sentences and commands out. */
#include "publish/why.h"

#include <stdlib.h>

#include "base/str.h"
#include "../suite_run.h"
#include "../test_arena.h"

#define HEAD(state) "{\"task\":\"T\",\"workflow\":\"w\",\"state\":\"" state "\",\"now\":\"2026-11-29T08:00:10Z\","
#define AT "\"2026-11-29T08:00:00Z\""
#define SOON "\"2026-11-29T08:01:10Z\""
#define ERROR(more) "{\"type\":\"tool.failed\",\"message\":\"exit status 1\",\"step\":\"a\",\"retryable\":true" more "}"
#define WORKER(live) "\"attempt\":{\"number\":2,\"since\":" AT "},\"worker\":{\"host\":\"h\",\"pid\":7,\"lease_until\":" AT ",\"live\":" live "}"
#define STEPS(s) "\"steps\":[" s "]"
#define STEP(kind, status, more) "{\"path\":\"a\",\"kind\":\"" kind "\",\"try\":2,\"since\":" AT ",\"status\":\"" status "\"" more "}"
#define READY(more) "\"lane\":\"default\",\"ready\":{\"since\":" AT more "}}"
#define PROGRAM(text) "\"program\":{\"entry\":\"w.yaml\",\"files\":{\"w.yaml\":\"agentd: v1\\nname: w\\nsteps:\\n" text "\"}}"

static const struct {
	const char *facts, *causes, *next;
} cases[] = {
	{HEAD("ready") READY(",\"ahead\":3,\"workers\":2,\"running\":9"), "queue: It has been ready for 10.00s in lane \"default\" and waits for a worker: "
		"3 tasks stand before it, 2 live workers serve the lane and run 9.", "lanes|cancel T"},
	{HEAD("ready") READY(",\"ahead\":1,\"workers\":1,\"running\":0"), "queue: It has been ready for 10.00s in lane \"default\" and waits for a worker: "
		"1 task stands before it, 1 live worker serves the lane and runs 0.", "lanes|cancel T"},
	{HEAD("ready") READY(",\"ahead\":1000,\"workers\":2,\"running\":9"), "queue: It has been ready for 10.00s in lane \"default\" and waits for a worker: "
		"at least 1000 tasks stand before it, 2 live workers serve the lane and run 9.", "lanes|cancel T"},
	{HEAD("ready") READY(",\"waits_for\":{\"type\":\"lane.unserved\",\"message\":\"nobody\"}"),
		"lane.unserved: It has been ready for 10.00s, and nobody takes it: nobody.", "lanes|cancel T"},
	{HEAD("ready") READY(",\"claims_stopped\":\"the disk is full\",\"waits_for\":{\"type\":\"lane.unserved\",\"message\":\"nobody\"}"),
		"admission: It is ready, and workers take no tasks now: the disk is full.", "lanes|cancel T"},
	{HEAD("ready") "\"recoveries\":2,\"attempt\":{\"number\":2}," READY(",\"suspect\":true,\"waits_for\":{\"type\":\"x\",\"message\":\"y\"}"),
		"x: It has been ready for 10.00s, and nobody takes it: y.|recovered: Worker after worker fell silent with it, 2 so far.|"
		"suspect: It stands behind all others, as it may be what ends its workers.", "lanes|cancel T"},
	{HEAD("running") WORKER("true") "," STEPS(STEP("call", "running", ",\"call\":{\"tool\":\"web.get\"}")) "}",
		"running: A worker has it: process 7 on h, for 10.00s (attempt 2).|step.call: Step \"a\" calls tool web.get, for 10.00s, try 2.", "tail T|cancel T"},
	{HEAD("running") WORKER("false") ",\"cancel_requested_at\":" AT ",\"deadline\":" SOON "}",
		"running: A worker has it: process 7 on h, for 10.00s (attempt 2).|"
		"silent: That worker has been silent for 10.00s beyond its lease: a sweeper gives the task to another one.|"
		"cancel: Its end was asked for 10.00s ago.|deadline: It expires at 2026-11-29T08:01:10Z, in 1m00s, if it has not ended by then.", "tail T|cancel T"},
	{HEAD("running") WORKER("true") "," STEPS(STEP("agent", "running", ",\"tier\":\"strong\",\"turns\":1,\"held_usd\":\"0.5\",\"asked\":{\"provider\":\"p\","
		"\"model\":\"m\",\"error_class\":\"model.timeout\",\"at\":" AT "}")) "}",
		"running: A worker has it: process 7 on h, for 10.00s (attempt 2).|step.model: Step \"a\" asks a model of tier strong, for 10.00s, 1 turn so far; "
		"0.5 USD are set aside for the call under way; the last answer came from p/m 10.00s ago: model.timeout.", "tail T|cancel T"},
	{HEAD("running") STEPS(STEP("for", "running", "")) "}", "running: A worker has it.|step: Step \"a\" is under way, for 10.00s.", "tail T|cancel T"},
	{HEAD("waiting_timer") STEPS(STEP("wait", "waiting", ",\"until\":" SOON)) "}",
		"timer: Step \"a\" waits until its time has come, at 2026-11-29T08:01:10Z, in 1m00s.", "cancel T"},
	{HEAD("waiting_timer") STEPS(STEP("wait", "waiting", ",\"until\":" AT)) "}",
		"timer: Step \"a\" waits until its time has come, at 2026-11-29T08:00:00Z, which is now.", "cancel T"},
	{HEAD("waiting_timer") "\"run_at\":" SOON "}", "timer: It waits for a time, at 2026-11-29T08:01:10Z, in 1m00s.", "cancel T"},
	{HEAD("waiting_timer") STEPS(STEP("call", "retrying", ",\"retry_at\":" SOON ",\"error\":" ERROR(""))) "}",
		"retry: Step \"a\" failed at try 2 and is tried again at 2026-11-29T08:01:10Z, in 1m00s.|"
		"error: The error is tool.failed at step \"a\": exit status 1", "cancel T"},
	{HEAD("waiting_timer") PROGRAM("  - {id: a, raise: {type: x, message: y}, retry: {max: 4}}\\n") ","
		STEPS(STEP("raise", "retrying", ",\"retry_at\":" SOON)) "}",
		"retry: Step \"a\" failed at try 2 and is tried again at 2026-11-29T08:01:10Z, in 1m00s; 2 more tries may follow.", "cancel T"},
	{HEAD("waiting_timer") PROGRAM("  - id: each\\n    for:\\n      in: \\\"[1]\\\"\\n      do:\\n        - {id: a, raise: {type: x, message: y}, retry: {max: 2}}\\n") ","
		STEPS("{\"path\":\"each~2[3]/a~2\",\"try\":2,\"status\":\"retrying\",\"retry_at\":" SOON "}") "}",
		"retry: Step \"each~2[3]/a~2\" failed at try 2 and is tried again at 2026-11-29T08:01:10Z, in 1m00s; it is the last try.", "cancel T"},
	{HEAD("waiting_slot") STEPS(STEP("model", "requeued", ",\"retry_at\":" SOON ",\"error\":" ERROR(""))) "}",
		"slot: Step \"a\" waits for a model that may be asked, and asks again at 2026-11-29T08:01:10Z, in 1m00s; that counts as no try.|"
		"error: The error is tool.failed at step \"a\": exit status 1", "route explain --tier TIER|cancel T"},
	{HEAD("running") STEPS(STEP("model", "running", ",\"waits\":{\"provider\":\"local\",\"for\":\"a slot\",\"since\":" AT ",\"until\":" SOON "}")) "}",
		"running: A worker has it.|slot: Step \"a\" waits for a slot, for 10.00s at provider local; its turn comes at "
		"2026-11-29T08:01:10Z, in 1m00s.", "route explain --tier TIER|tail T|cancel T"},
	{HEAD("waiting_approval") "\"approvals\":[{\"id\":\"P\",\"step\":\"a\",\"title\":\"Send?\",\"risk\":\"high\",\"requested_at\":" AT ",\"expires_at\":" SOON
		",\"approvers\":2,\"approved_by\":[\"token:x\"]}]}",
		"approval: Step \"a\" waits for a person: \"Send?\" (risk high, request P), for 10.00s; it expires at 2026-11-29T08:01:10Z, in 1m00s.|"
		"approval.votes: 1 of 2 people have approved it: token:x.", "approvals show P|approvals approve P|approvals deny P|cancel T"},
	{HEAD("uncertain") STEPS(STEP("call", "uncertain", ",\"call\":{\"tool\":\"mail.send\",\"args\":{\"to\":\"x\"},\"effect_key\":\"K\"}")) "}",
		"uncertain: Nobody knows what became of the call of mail.send at step \"a\" (try 2, 10.00s ago); it must not be repeated blindly.|"
		"uncertain.call: Its arguments were {\"to\":\"x\"}; its effect key is K.",
		"reconcile T 'a' happened --result JSON|reconcile T 'a' did-not-happen|reconcile T 'a' give-up"},
	{HEAD("quarantined") "\"notes\":{\"quarantined\":{\"at\":" AT ",\"value\":{\"host\":\"h\",\"pid\":7,\"error\":" ERROR("") "}}}}",
		"quarantined: It was put aside 10.00s ago, so that it does no more harm; only a person moves it.|"
		"quarantined.worker: The worker that it lost last was process 7 on h.|error: The error is tool.failed at step \"a\": exit status 1", "redrive T|cancel T"},
	{HEAD("succeeded") "\"ended\":{\"at\":" AT "}}", "succeeded: It did what it had to, and ended 10.00s ago.", "get T"},
	{HEAD("failed") "\"ended\":{\"at\":" AT ",\"tries\":3,\"error\":" ERROR(",\"cause\":{\"type\":\"network\",\"message\":\"refused\"}") "}}",
		"failed: It failed 10.00s ago, after 3 tries of step \"a\".|error: The error is tool.failed at step \"a\": exit status 1|"
		"cause: Behind it stands network: refused", "get T|retry T"},
	{HEAD("cancelled") "\"ended\":{\"at\":" AT ",\"from\":\"ready\",\"error\":{\"type\":\"cancelled\",\"message\":\"cancelled by os:x\"}}}",
		"cancelled: Somebody ended it 10.00s ago, from ready: cancelled by os:x.", "get T"},
	{HEAD("expired") "\"deadline\":" AT ",\"ended\":{\"at\":" AT ",\"from\":\"waiting_timer\",\"error\":{\"type\":\"budget.wall\",\"message\":\"late\"}}}",
		"expired: Its time was up 10.00s ago, the deadline being 2026-11-29T08:00:00Z; it was waiting_timer then.|"
		"error: The error is budget.wall: late", "get T|retry T"},
	{HEAD("odd") "\"steps\":[]}", "", ""},
};

static const char *joined(const struct json *list, const char *one, const char *two)
{
	const char *s = "";

	for (size_t i = 0; i < json_len(list); i++) {
		struct str x = json_str(json_getc(json_at(list, i), one)), y = two ? json_str(json_getc(json_at(list, i), two)) : STR_NONE;

		s = arena_printf(a, "%s%s" STR_FMT "%s" STR_FMT, s, i ? "|" : "", STR_ARG(x), two ? ": " : "", STR_ARG(y));
	}
	return s;
}

START_TEST(explains)
{
	const struct json *facts = parse(cases[_i].facts), *got = why_explain(a, facts), *next = json_getc(got, "next");
	const char *commands = "";

	for (size_t i = 0; i < json_len(next); i++) {
		struct str command = json_str(json_getc(json_at(next, i), "command"));

		ck_assert(str_starts(command, STR("agentctl ")));
		ck_assert_uint_gt(json_str(json_getc(json_at(next, i), "effect")).n, 0);
		commands = arena_printf(a, "%s%s" STR_FMT, commands, i ? "|" : "", STR_ARG(str_sub(command, 9, command.n)));
	}
	ck_assert_str_eq(joined(json_getc(got, "causes"), "type", "message"), cases[_i].causes);
	ck_assert_str_eq(commands, cases[_i].next);
	ck_assert(str_eq(json_str(json_getc(got, "state")), json_str(json_getc(facts, "state"))));
	ck_assert_ptr_null(json_getc(json_getc(got, "facts"), "program"));
}
END_TEST

static const char *retrying(int n)
{
	struct buf b;

	buf_init(&b, a);
	buf_adds(&b, HEAD("waiting_timer") PROGRAM("  - {id: a, raise: {type: x, message: y}, retry: {max: 4}}\\n") ",\"steps\":[");
	for (int i = 0; i < n; i++)
		buf_addf(&b, "%s%s", i ? "," : "", STEP("raise", "retrying", ",\"retry_at\":" SOON));
	buf_adds(&b, "]}");
	return buf_cstr(&b);
}

static size_t bytes_for(int n)
{
	const struct json *facts = parse(retrying(n));
	size_t before = arena_bytes(a);

	why_explain(a, facts);
	return arena_bytes(a) - before;
}

START_TEST(a_program_is_compiled_once)
{
	size_t one = bytes_for(1), ten = bytes_for(10);

	ck_assert_msg(ten < 3 * one, "%zu bytes for one step, %zu for ten", one, ten);
}
END_TEST

START_TEST(many_steps)
{
	struct buf b;
	const struct json *got;

	buf_init(&b, a);
	buf_adds(&b, HEAD("running") "\"steps\":[" STEP("set", "running", ""));
	for (int i = 0; i < 14; i++)
		buf_adds(&b, "," STEP("set", "running", ""));
	buf_adds(&b, "]}");
	got = json_getc(why_explain(a, parse(buf_cstr(&b))), "causes");
	ck_assert_uint_eq(json_len(got), 12);
	ck_assert(str_is(json_str(json_getc(json_at(got, 11), "message")), "5 more steps are open."));
}
END_TEST

START_TEST(long_words_are_cut)
{
	char message[2000];
	const struct json *got;

	memset(message, 'x', sizeof message - 1);
	message[sizeof message - 1] = '\0';
	got = json_getc(why_explain(a, parse(arena_printf(a, HEAD("failed") "\"ended\":{\"at\":" AT ",\"error\":{\"type\":\"t\",\"message\":\"%s\"}}}", message))), "causes");
	ck_assert_uint_lt(json_str(json_getc(json_at(got, 1), "message")).n, 300);
	ck_assert(str_ends(json_str(json_getc(json_at(got, 1), "message")), STR("x...")));
}
END_TEST

int main(void)
{
	Suite *s = suite_create("publish/why");
	TCase *t = tcase_create("why");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_loop_test(t, explains, 0, sizeof cases / sizeof cases[0]);
	tcase_add_test(t, a_program_is_compiled_once);
	tcase_add_test(t, many_steps);
	tcase_add_test(t, long_words_are_cut);
	suite_add_tcase(s, t);
	return suite_run(s);
}
