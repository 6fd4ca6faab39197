// What the matmul kernels share: params, bindings, row addresses and the epilogue. Absent inputs are bound to any buffer
// and never read. The includer defines X_TYPE: float, or vec4 where rows of x are multiples of 4.
//
// What shapes a hot loop is a constant in some variants and a specialisation constant in others: some drivers neither
// unroll loops up to specialisation constants nor drop branches on them.
#ifndef LORIKEET_COMMON_PRODUCT_GLSL
#define LORIKEET_COMMON_PRODUCT_GLSL
#include "shaders/matmul.h"
layout(push_constant) uniform Params { MatmulParams p; };
layout(binding = 0) readonly restrict buffer X { X_TYPE x[]; };
layout(binding = 1) readonly restrict buffer W { uint w[]; };
layout(binding = 2) readonly restrict buffer Bias { float bias[]; };
layout(binding = 3) readonly restrict buffer Residual { float residual[]; };
layout(binding = 4) writeonly restrict buffer Y { float y[]; };

#ifdef FIXED_RPL
const uint RPL = FIXED_RPL;
#else
layout(constant_id = 2) const uint RPL = 4u;  // weight rows a lane owns; even when gated
#endif
layout(constant_id = 3) const bool GATED = false;   // the second half of a lane's rows are up rows
layout(constant_id = 4) const bool HAS_BIAS = false;
layout(constant_id = 5) const bool HAS_RESIDUAL = false;

uint load_word(uint at) { return w[at]; }
#include "shaders/common/weights.glsl"

// Outputs a lane owns. Weight row c of a lane belongs to output c % OUTPUTS; when gated, the second half are up rows.
const uint OUTPUTS = GATED ? RPL / 2u : RPL;

uint expert_row = 0u;  // weight row at which the expert begins that this workgroup works on; 0 for plain products

// Word address of the weight row of an output; outputs past the end read a row that is there.
uint row_address(uint output_at, bool up) {
  const uint padded = (p.count + 31u) / 32u * 32u;
  const uint row = expert_row + (up ? p.up_row : p.row) + (output_at < padded ? output_at : output_at % 32u);
  return weight_row(row, p.units);
}

float silu(float v) { return v / (1.0 + exp(-v)); }

void store(uint token, uint output_at, float v) {
  if (output_at < p.count) {
    const uint column = p.first + output_at;
    if (HAS_BIAS) v += bias[p.bias_at + column];
    if (HAS_RESIDUAL) v += residual[token * p.y_columns + column];
    y[token * p.y_columns + column] = v;
  }
}
#endif
