#include "frontend/checkpoint/tensor_info.h"

#include "runtime/base/text.h"

namespace lorikeet {

std::optional<uint64_t> dense_bytes(DType type, const std::vector<uint64_t>& shape) {
  constexpr uint64_t kLimit = std::numeric_limits<int64_t>::max();
  const DTypeLayout form = layout(type);
  const uint64_t columns = shape.empty() ? 1 : shape.back();
  if (columns % form.block != 0) return std::nullopt;
  std::optional<uint64_t> bytes = checked_product(columns / form.block, form.bytes);
  for (size_t i = 0; bytes && i + 1 < shape.size(); ++i) bytes = checked_product(*bytes, shape[i]);
  // The elements must be countable too: a zero among the dimensions must not hide an overflow.
  std::optional<uint64_t> elements = 1;
  for (uint64_t dimension : shape)
    if (elements && dimension != 0) elements = checked_product(*elements, dimension);
  if (!bytes || !elements || *bytes > kLimit || *elements > kLimit) return std::nullopt;
  return bytes;
}

std::string shape_text(const std::vector<uint64_t>& shape) {
  std::string text = "(";
  for (size_t i = 0; i < shape.size(); ++i) text += join(i ? ", " : "", shape[i]);
  return text + ")";
}

}  // namespace lorikeet
