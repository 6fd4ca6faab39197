// Internal. What the doctor's cases are made of: random weights and plain formulas on the host.
#pragma once

#include <utility>

#include "frontend/doctor.h"
#include "frontend/measure.h"
#include "runtime/base/dtype.h"

namespace lorikeet {

using Floats = std::vector<float>;

inline constexpr DType kWeightTypes[] = {DType::f32,  DType::f16,  DType::bf16, DType::q8_0, DType::q4_0, DType::q4_1,
                                         DType::q5_0, DType::q5_1, DType::q4_k, DType::q5_k, DType::q6_k};
// Columns of an edge shape: whole blocks of the type, but where it allows no multiple of 32.
int64_t odd_columns(DType type);

// A weight matrix as a file holds it, and the values that its bytes stand for.
struct Matrix {
  std::vector<std::byte> bytes;
  Floats values;
};
Matrix matrix_of(DType type, Floats values, int64_t columns);
Matrix matrix(DType type, int64_t rows, int64_t columns, uint64_t seed);  // of noise

// x w^T.  x (rows, columns), w (outputs, columns)
Floats product(const Floats& x, const Floats& w, int64_t rows, int64_t outputs, int64_t columns);
double silu(double v);

// Rows that choose `used` experts each, so that experts have many rows, few or none. Lists of sort_rows are examined
// through their readers: expert_matmul reads tiles and rows, expert_combine places.
struct Routed {
  int64_t rows = 0, experts = 0, used = 0, share = 1;
  Floats weights = {};                                  // (rows / share, experts)
  std::vector<std::pair<int64_t, int64_t>> pairs = {};  // expert, row

  Routed(int64_t rows, int64_t experts, int64_t used, int64_t share = 1);
  float weight(int64_t row, int64_t e) const { return weights[size_t(row / share * experts + e)]; }
  std::string text() const;
  // The list's tensor in the graph of a case, and the weights that it was made from.
  std::pair<Tensor, Tensor> add(DoctorCase& c) const;
};

// The case to fill in, at the end of `cases`.
DoctorCase& add_case(std::vector<DoctorCase>& cases, std::string name);

void add_expert_cases(std::vector<DoctorCase>& cases);  // route; expert_matmul and expert_combine, both with sort_rows
void add_learning_cases(std::vector<DoctorCase>& cases);         // gradients of plain layers, losses, the optimiser
void add_expert_learning_cases(std::vector<DoctorCase>& cases);  // products of plain stacks, gradients of experts

}  // namespace lorikeet
