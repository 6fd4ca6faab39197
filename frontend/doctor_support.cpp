#include "frontend/doctor_support.h"

#include <algorithm>
#include <cmath>

#include "frontend/checkpoint/quant/quant.h"
#include "runtime/base/text.h"
#include "runtime/ops/ops.h"

namespace lorikeet {

int64_t odd_columns(DType type) {
  const int64_t block = layout(type).block;
  return block == 256 ? 512 : block == 32 ? 96 : 172;
}

Matrix matrix_of(DType type, Floats values, int64_t columns) {
  Matrix made{std::vector<std::byte>(row_bytes(type, uint64_t(columns)) * (values.size() / size_t(columns))),
              std::move(values)};
  const bool ok = quantise(type, made.values, made.bytes).ok() && dequantise(type, made.bytes, made.values).ok();
  if (!ok) made.values.assign(made.values.size(), NAN);  // cannot happen for whole blocks; no choice would pass
  return made;
}

Matrix matrix(DType type, int64_t rows, int64_t columns, uint64_t seed) {
  return matrix_of(type, noise(rows * columns, seed), columns);
}

Floats product(const Floats& x, const Floats& w, int64_t rows, int64_t outputs, int64_t columns) {
  Floats y;
  for (int64_t r = 0; r < rows; ++r) {
    for (int64_t n = 0; n < outputs; ++n) {
      double sum = 0;
      for (int64_t k = 0; k < columns; ++k) sum += double(x[size_t(r * columns + k)]) * w[size_t(n * columns + k)];
      y.push_back(float(sum));
    }
  }
  return y;
}

double silu(double v) { return v / (1 + std::exp(-v)); }

Routed::Routed(int64_t rows_, int64_t experts_, int64_t used_, int64_t share_)
    : rows(rows_), experts(experts_), used(used_), share(share_), weights(size_t(rows / share * experts)) {
  for (int64_t r = 0; r < rows / share; ++r)
    for (int64_t i = 0; i < used; ++i)
      weights[size_t(r * experts + (r * r + i) % std::max(experts - 1, used))] = 0.5f + float(i);
  for (int64_t e = 0; e < experts; ++e)
    for (int64_t r = 0; r < rows; ++r)
      if (weight(r, e) != 0) pairs.push_back({e, r});
}

std::string Routed::text() const {
  return join(rows, rows == 1 ? " row, " : " rows, ", used, " of ", experts, " experts",
              share > 1 ? ", routed together" : "");
}

std::pair<Tensor, Tensor> Routed::add(DoctorCase& c) const {
  c.data.floats["weights"] = weights;
  const Tensor w = c.graph.input("weights", DType::f32, {rows / share, experts});
  return {sort_rows(c.graph, w, share, used), w};
}

DoctorCase& add_case(std::vector<DoctorCase>& cases, std::string name) {
  cases.push_back({std::move(name)});
  return cases.back();
}

}  // namespace lorikeet
