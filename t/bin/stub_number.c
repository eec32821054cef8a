/* stub_number.c - the numbers of the stub provider's vectors, for itself and for those who know what to expect. */
#include "t/bin/stub_stream.h"

double stub_number(struct str text, size_t k)
{
	uint32_t h = 2166136261U + (uint32_t)k * 97;

	for (size_t i = 0; i < text.n; i++)
		h = (h ^ (unsigned char)text.p[i]) * 16777619U;
	return ((int)(h % 2001) - 1000) / 250.0 + 0.001;
}
