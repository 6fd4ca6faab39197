// Attributes by path ("address.city", 0), as the filters for sequences take them.
#pragma once

#include <optional>
#include <vector>

#include "frontend/chat/evaluator.h"

namespace lorikeet::jinja {

class AttributePath {
 public:
  // From a text with dots, a number, or none (the item itself).
  explicit AttributePath(const Value& attribute);
  // From "a,b.c": one path each.
  static std::vector<AttributePath> several(const Value& attribute);

  // What the item has there; `otherwise`, if it is given, instead of what is undefined.
  Result<Value> of(Evaluator& evaluator, Value item, const Value& otherwise = {}) const;

 private:
  std::vector<Value> parts_;
};

// Texts in lower case, for sorting without regard to case; everything else as it is.
Value without_case(const Value& value);

}  // namespace lorikeet::jinja
