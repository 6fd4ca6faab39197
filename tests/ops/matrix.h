// Matrices of every weight type for the tests of products and look-ups.
#pragma once

#include <algorithm>
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

// What the bytes of some rows mean.
inline Matrix some_rows(const Matrix& m, int64_t first, int64_t rows) {
  const size_t row = size_t(row_bytes(m.type, uint64_t(m.columns)));
  Matrix part{m.type, rows, m.columns, {}, std::vector<float>(size_t(rows * m.columns))};
  REQUIRE(dequantise(m.type, std::span(m.bytes).subspan(row * size_t(first), row * size_t(rows)), part.values).ok());
  return part;
}

// x weight^T in double precision, for weight rows first .. first + count - 1.   -> (tokens, count)
inline std::vector<double> product(const std::vector<double>& x, const Matrix& m, int64_t first, int64_t count) {
  const size_t k = size_t(m.columns), tokens = x.size() / k;
  std::vector<double> y(tokens * size_t(count)), row(k);
  for (size_t r = 0; r < size_t(count); ++r) {
    std::copy_n(m.values.data() + (size_t(first) + r) * k, k, row.begin());
    for (size_t t = 0; t < tokens; ++t) {
      const double *a = x.data() + t * k, *b = row.data();
      double sum = 0;
      size_t i = 0;
      for (; i + 4 <= k; i += 4)  // one addition in four waits for the one before it
        sum += (a[i] * b[i] + a[i + 1] * b[i + 1]) + (a[i + 2] * b[i + 2] + a[i + 3] * b[i + 3]);
      for (; i < k; ++i) sum += a[i] * b[i];
      y[t * size_t(count) + r] = sum;
    }
  }
  return y;
}

}  // namespace lorikeet::test
