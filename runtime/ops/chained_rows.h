// Adds up rows by keys, the entries of each key in their order: the gradient of everything that looks rows up.
#pragma once

#include "runtime/ops/support.h"

namespace lorikeet {

enum class RowKeys {
  text,
  visual,
  wanted
};  // of a control table: tokens of its rows, or rows that its wanted list names

// y[key] = sum of dy[i] over the entries i with this key, 0 for keys that none has. dy (entries, columns), y (keys,
// columns)
void lower_chained_rows(Tensor dy, Tensor control, Tensor y, RowKeys keys, Choices& choices);

}  // namespace lorikeet
