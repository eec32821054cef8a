# page_fixture.sh - what the tests of the page look at: workflows that ask, branch, loop, fail and wait, in $D/root. Source it after
# d_init.

# What everything that people or models write is made to hold: none of it may ever be markup.
evil='<img src=x onerror="alert(1)"><script>alert(2)</script>"><svg/onload=alert(3)>'

page_fixture() {
	cp -R "$top_srcdir"/workflows/*.yaml "$top_srcdir/workflows/prompts" "$D/root/workflows/"
	cp -R "$top_srcdir"/policies/routing.yaml "$top_srcdir/policies/replay" "$D/root/policies/"
	cp "$top_srcdir"/tools.d/*.yaml "$D/root/tools.d/"
	chmod -R u+w "$D/root"
	: >"$D/sent.txt"
	cat >"$D/root/tools.d/mail.send.yaml" <<-END
		agentd: v1
		name: mail.send
		description: Send a message.
		args:
		  type: object
		  required: [to, subject, priority, sender]
		  additionalProperties: false
		  properties:
		    to: {type: string, minLength: 3, pattern: "@", description: address of who gets it}
		    subject: {type: string, minLength: 1, maxLength: 80}
		    body: {type: string, maxLength: 4000}
		    priority: {enum: [low, normal, high]}
		    copies: {type: integer, minimum: 1, maximum: 9}
		    receipt: {type: boolean, description: ask for a receipt}
		    tags: {type: array, items: {type: string, maxLength: 20}, maxItems: 5}
		    sender:
		      type: object
		      required: [name]
		      additionalProperties: false
		      properties:
		        name: {type: string}
		        phone: {type: string}
		effect: at_most_once
		taint: {acts_outside: true}
		timeout: 10s
		exec: {argv: [/bin/sh, -c, 'printf "%s\\n" "\$1" >>"\$2"', sh, "\${ .args | tojson }", "$D/sent.txt"]}
	END
	cat >"$D/root/workflows/outreach.yaml" <<-'END'
		agentd: v1
		name: outreach
		description: Writes to somebody, once a person has read it.
		input:
		  type: object
		  required: [to, topic, tone]
		  additionalProperties: false
		  properties:
		    to: {type: string, title: Recipient, description: an address, minLength: 3}
		    topic: {type: string, minLength: 2, maxLength: 60}
		    tone: {enum: [friendly, formal, terse]}
		    copies: {type: integer, minimum: 1, maximum: 9}
		    receipt: {type: boolean}
		    tags: {type: array, items: {type: string}}
		    sender:
		      type: object
		      required: [name]
		      properties: {name: {type: string}, phone: {type: string}}
		budget: {usd: 0.25, wall: 2h}
		steps:
		  - id: plan
		    set:
		      subject: "About ${ .input.topic }"
		      body: "Hello ${ .input.to },\nhere is what we know about ${ .input.topic }."
		  - id: tone
		    switch:
		      - {when: '.input.tone == "terse"', then: send}
		      - {when: '.input.tone == "formal"', then: polish}
		      - {then: warm}
		  - id: warm
		    set: {body: "${ .vars.body }\nBest wishes"}
		    then: send
		  - id: polish
		    set: {body: "${ .vars.body }\nYours faithfully"}
		  - id: send
		    call: mail.send
		    with:
		      to: "${ .input.to }"
		      subject: "${ .vars.subject }"
		      body: "${ .vars.body }"
		      priority: normal
		      tags: "${ .input.tags // [] }"
		      sender: "${ .input.sender // {name: \"Ann\"} }"
		    ask: {title: "Write to ${ .input.to } about ${ .input.topic }?", show: {topic: "${ .input.topic }"}, risk: high, timeout: 2h}
		    catch: refused
		  - id: done
		    set: {result: sent}
		    then: end
		  - id: refused
		    set: {result: "not sent: ${ .steps.send.error.type }"}
		output: {result: "${ .vars.result }"}
	END
	cat >"$D/root/workflows/survey.yaml" <<-'END'
		agentd: v1
		name: survey
		description: Asks a person for a plan.
		steps:
		  - id: plan
		    approve:
		      title: Which plan shall we take?
		      show: {options: [a, b]}
		      timeout: 2h
		      form:
		        type: object
		        required: [plan, reason]
		        properties:
		          plan: {enum: [a, b]}
		          reason: {type: string, minLength: 5, description: for the record}
		          budget: {type: number, minimum: 0}
		          urgent: {type: boolean}
		output: "${ .steps.plan.output.form }"
	END
	cat >"$D/root/workflows/rounds.yaml" <<-'END'
		agentd: v1
		name: rounds
		description: Loops, in lists and back.
		input: {type: object, properties: {n: {type: integer, minimum: 1, default: 3}}}
		budget: {wall: 1h}
		steps:
		  - id: each
		    for:
		      in: "[range(.input.n // 3)]"
		      do:
		        - id: note
		          set: {seen: "${ .item }"}
		        - id: nap
		          wait: 150ms
		  - id: count
		    set: {rounds: "${ (.vars.rounds // 0) + 1 }"}
		  - id: again
		    switch:
		      - {when: .vars.rounds < 3, then: count, max_visits: 5}
		      - {then: end}
		output: {rounds: "${ .vars.rounds }"}
	END
	cat >"$D/root/workflows/breaks.yaml" <<-'END'
		agentd: v1
		name: breaks
		description: Fails.
		input: {type: object, properties: {why: {type: string}}}
		steps:
		  - id: look
		    set: {a: 1}
		  - id: bad
		    raise: {type: demo.broken, message: "it broke: ${ .input.why // \"no reason\" }"}
	END
	cat >"$D/root/workflows/naps.yaml" <<-'END'
		agentd: v1
		name: naps
		description: Waits for an hour.
		steps:
		  - id: nap
		    wait: 1h
	END
}
