// Params of the span_attention shaders.
#ifndef LORIKEET_SHADERS_SPAN_ATTENTION_H
#define LORIKEET_SHADERS_SPAN_ATTENTION_H
#include "shaders/types.h"
LK_PARAMS_BEGIN
struct SpanAttentionParams {
  uint rows;
  uint heads;
  uint kv_heads;
  float scale;
};
const uint kSpanWords = 4u;  // of a row: first key, end of keys, first query, end of queries
LK_PARAMS_END
#endif
