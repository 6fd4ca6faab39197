// Matrices of every weight type for the tests of products and look-ups.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "frontend/checkpoint/quant/quant.h"
#include "runtime/base/dtype.h"
#include "tests/support/catch.h"
#include "tests/support/run_graph.h"

namespace lorikeet::test {

constexpr DType kWeightTypes[] = {DType::f32,  DType::f16,  DType::bf16, DType::q8_0, DType::q4_0, DType::q4_1,
                                  DType::q5_0, DType::q5_1, DType::q4_k, DType::q5_k, DType::q6_k};

struct Matrix {
  DType type = DType::f32;
  int64_t rows = 0, columns = 0;
  std::vector<std::byte> bytes;  // as a file holds it
  std::vector<float> values;     // what the bytes mean
};

inline Matrix random_matrix(DType type, int64_t rows, int64_t columns, uint64_t seed) {
  Matrix m{type, rows, columns, {}, {}};
  m.values = random_floats(size_t(rows * columns), seed);
  m.bytes.resize(row_bytes(type, uint64_t(columns)) * uint64_t(rows));
  REQUIRE(quantise(type, m.values, m.bytes).ok());
  REQUIRE(dequantise(type, m.bytes, m.values).ok());
  return m;
}

// x weight^T in double precision, for weight rows first .. first + count - 1.   -> (tokens, count)
inline std::vector<double> product(const std::vector<double>& x, const Matrix& m, int64_t first, int64_t count) {
  const size_t k = size_t(m.columns), tokens = x.size() / k;
  std::vector<double> y(tokens * size_t(count));
  for (size_t t = 0; t < tokens; ++t) {
    for (size_t r = 0; r < size_t(count); ++r) {
      const float* w = m.values.data() + (size_t(first) + r) * k;
      double sum = 0;
      for (size_t i = 0; i < k; ++i) sum += x[t * k + i] * double(w[i]);
      y[t * size_t(count) + r] = sum;
    }
  }
  return y;
}

}  // namespace lorikeet::test
