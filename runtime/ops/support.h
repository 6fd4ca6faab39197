// Helpers shared by the files of this folder: checks that give full sentences, grids, where vectors begin.
#pragma once

#include <algorithm>
#include <string_view>

#include "runtime/base/text.h"
#include "runtime/graph/graph.h"

namespace lorikeet {

// Groups spread over x and y, for shaders that use group_number() of shaders/common/grid.glsl and check its range.
inline Grid spread(int64_t groups) {
  constexpr int64_t kLimit = 65535;
  const int64_t x = std::clamp<int64_t>(groups, 1, kLimit);
  return {uint32_t(x), groups_for(std::max<int64_t>(groups, 1), x), 1};
}

// An f32 tensor that is there, not empty, and whose elements 32 bits can count.
inline Status expect_f32(std::string_view what, const Tensor& tensor) {
  if (!tensor) return invalid(join(what, " is missing."));
  if (tensor.dtype != DType::f32) return invalid(join(what, " must be f32, it is ", name(tensor.dtype), "."));
  if (tensor.shape.elements() < 1) return invalid(join(what, " ", tensor.shape.text(), " is empty."));
  if (tensor.shape.elements() > int64_t(0x7fffffff))
    return invalid(join(what, " ", tensor.shape.text(), " has more than 2^31 elements."));
  return Done{};
}

inline Status expect_vector(std::string_view what, const Tensor& tensor, int64_t elements) {
  LK_TRY(expect_f32(what, tensor));
  if (tensor.shape.elements() != elements)
    return invalid(join(what, " has ", tensor.shape.elements(), " elements, ", elements, " are needed."));
  return Done{};
}

inline Status expect_same_shape(std::string_view what_a, const Tensor& a, std::string_view what_b, const Tensor& b) {
  LK_TRY(expect_f32(what_a, a));
  LK_TRY(expect_f32(what_b, b));
  if (a.shape == b.shape) return Done{};
  return invalid(join(what_a, " is ", a.shape.text(), ", ", what_b, " is ", b.shape.text(), ": they must be equal."));
}

inline Status expect_rows(std::string_view what, int64_t rows) {
  if (rows >= 1 && rows <= 65535) return Done{};
  return invalid(join(what, " must be 1 to 65535, ", rows, " were given."));
}

inline Status expect_words(std::string_view what, const Tensor& tensor) {
  if (!tensor) return invalid(join(what, " is missing."));
  if (tensor.dtype == DType::u32) return Done{};
  return invalid(join(what, " must be u32, it is ", name(tensor.dtype), "."));
}

// Both caches: alike, (places, columns), f32 or f16.
inline Status expect_caches(const Tensor& cache_k, const Tensor& cache_v, int64_t columns) {
  if (!cache_k || !cache_v) return invalid("a cache is missing.");
  if (cache_k.dtype != cache_v.dtype || !(cache_k.shape == cache_v.shape))
    return invalid(join("the caches differ: ", name(cache_k.dtype), " ", cache_k.shape.text(), " and ",
                        name(cache_v.dtype), " ", cache_v.shape.text(), "."));
  if (cache_k.dtype != DType::f32 && cache_k.dtype != DType::f16)
    return invalid(join("a cache is f32 or f16, ", name(cache_k.dtype), " was given."));
  if (cache_k.shape.columns() != columns || cache_k.shape.rows() < 1)
    return invalid(join("the caches are ", cache_k.shape.text(), ", their last axis must be ", columns, "."));
  if (cache_k.shape.elements() > int64_t(0xffffffff))
    return invalid(join("the caches ", cache_k.shape.text(), " have more than 2^32 elements."));
  return Done{};
}

// The element at which a vector begins in its storage: neighbouring weights share one.
inline uint32_t first_element(const Graph& g, const Tensor& vector) {
  const auto& info = g.info(vector);
  return info.kind == TensorKind::weight ? uint32_t(info.storage.first_row) : 0;
}

inline bool multiples_of_4(std::initializer_list<int64_t> numbers) {
  return std::all_of(numbers.begin(), numbers.end(), [](int64_t n) { return n % 4 == 0; });
}

inline std::string_view cache_variant(const Tensor& cache) { return cache.dtype == DType::f16 ? "f16" : "f32"; }

}  // namespace lorikeet
