// Python's operators on values. They know no limits on time: the evaluator charges for sizes before it calls them.
#pragma once

#include <algorithm>
#include <vector>

#include "frontend/chat/value.h"

namespace lorikeet::jinja {

enum class Operator { add, subtract, multiply, divide, floor_divide, modulo, power };
enum class Comparison { equal, unequal, less, less_equal, greater, greater_equal, in, not_in };

// Numbers only; text, lists and % on text are done by the evaluator. Errors: wrong types, division by zero, results too
// large.
Result<Value> arithmetic(Operator op, const Value& a, const Value& b);
Result<Value> negative(const Value& a);
Result<Value> positive(const Value& a);
std::string_view symbol(Operator op);
std::string_view symbol(Comparison op);

// a < b and so on; errors for types that have no order.
Result<bool> compare(Comparison op, const Value& a, const Value& b);
inline Result<bool> less(const Value& a, const Value& b) { return compare(Comparison::less, a, b); }

// The index of the first `needle` in `text` from `from` on, or npos; linear in the worst case too.
size_t find_text(std::string_view text, std::string_view needle, size_t from = 0);

// A stable sort whose comparison may fail.
template <class T, class Less>
Status sort_stably(std::vector<T>& items, Less is_less) {
  std::vector<T> merged(items.size());
  for (size_t width = 1; width < items.size(); width *= 2) {
    for (size_t start = 0; start < items.size(); start += 2 * width) {
      const size_t middle = std::min(start + width, items.size()), end = std::min(start + 2 * width, items.size());
      size_t left = start, right = middle, out = start;
      while (left < middle && right < end) {
        LK_ASSIGN(const bool take_right, is_less(items[right], items[left]));
        merged[out++] = std::move(items[take_right ? right++ : left++]);
      }
      while (left < middle) merged[out++] = std::move(items[left++]);
      while (right < end) merged[out++] = std::move(items[right++]);
    }
    items.swap(merged);
  }
  return Done{};
}

}  // namespace lorikeet::jinja
