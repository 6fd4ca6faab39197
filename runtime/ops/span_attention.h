// Internal. What span_attention and its gradient share.
#pragma once

#include "runtime/ops/ops.h"
#include "runtime/ops/support.h"
#include "shaders/span_attention.h"

namespace lorikeet {

// Some drivers silently end an invocation's loops after 65,535 turns.
constexpr int64_t kMaxSpanTurns = 60000;

// Checks q, k, v and the spans. Errors as sentences.
Status expect_span_attention(const Tensor& q, const Tensor& k, const Tensor& v, const Tensor& spans,
                             const Attributes& attributes);

// One kernel of the family over `heads` heads: the bindings that all have, then `more`.
Dispatch span_dispatch(const Node& node, const DeviceProfile& profile, std::string_view kernel, int64_t heads,
                       std::initializer_list<Operand> more);

shader::SpanAttentionParams span_params(const Node& node);

}  // namespace lorikeet
