#include "frontend/chat/attribute_path.h"

#include "frontend/chat/builtins.h"
#include "frontend/chat/unicode.h"

namespace lorikeet::jinja {

AttributePath::AttributePath(const Value& attribute) {
  if (attribute.missing() || attribute.is(Kind::none)) return;
  if (!attribute.text()) {
    parts_.push_back(attribute);
    return;
  }
  std::string_view rest = attribute.bytes();
  while (true) {
    const std::string_view part = rest.substr(0, rest.find('.'));
    const bool digits = !part.empty() && part.find_first_not_of("0123456789") == part.npos;
    const auto number = digits ? parse_integer(part, 10) : std::nullopt;
    parts_.push_back(number ? *number : Value::text(std::string(part)));
    if (part.size() == rest.size()) return;
    rest.remove_prefix(part.size() + 1);
  }
}

std::vector<AttributePath> AttributePath::several(const Value& attribute) {
  std::vector<AttributePath> out;
  if (!attribute.text()) return {AttributePath(attribute)};
  std::string_view rest = attribute.bytes();
  while (true) {
    const std::string_view part = rest.substr(0, rest.find(','));
    out.emplace_back(Value::text(std::string(part)));
    if (part.size() == rest.size()) return out;
    rest.remove_prefix(part.size() + 1);
  }
}

Result<Value> AttributePath::of(Evaluator& evaluator, Value item, const Value& otherwise) const {
  LK_TRY(evaluator.charge(int64_t(parts_.size())));
  for (const Value& part : parts_) {
    LK_ASSIGN(item, evaluator.item(item, part));
    if (item.undefined() && !otherwise.missing() && !otherwise.is(Kind::none)) item = otherwise;
  }
  return item;
}

Value without_case(const Value& value) { return value.text() ? Value::text(unicode::lower(value.bytes())) : value; }

}  // namespace lorikeet::jinja
