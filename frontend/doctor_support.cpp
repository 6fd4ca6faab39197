#include "frontend/doctor_support.h"

#include <cmath>

#include "frontend/checkpoint/quant/quant.h"

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

DoctorCase& add_case(std::vector<DoctorCase>& cases, std::string name) {
  cases.push_back({std::move(name)});
  return cases.back();
}

}  // namespace lorikeet
