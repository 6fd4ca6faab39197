// Walking over values: lists, texts, generators, loops.
#include <algorithm>

#include "frontend/chat/evaluator.h"
#include "frontend/chat/unicode.h"

namespace lorikeet::jinja {
namespace {

template <class Size, class At>
Next by_index(Size size, At at) {
  return [size, at, i = int64_t(0)](Value& out) mutable -> Result<bool> {
    if (i >= size) return false;
    out = at(i++);
    return true;
  };
}

Next over_text(const Value& value) {
  return [value, at = size_t(0)](Value& out) mutable -> Result<bool> {
    const std::string& bytes = value.bytes();
    if (at >= bytes.size()) return false;
    const size_t start = at;
    unicode::decode(bytes, at);
    out = Value::text(bytes.substr(start, at - start), value.markup());
    return true;
  };
}

}  // namespace

bool Evaluator::iterable(const Value& value) const {
  switch (value.kind()) {
    case Kind::undefined:
    case Kind::text:
    case Kind::list:
    case Kind::tuple:
    case Kind::dict:
    case Kind::range:
    case Kind::view:
    case Kind::iterator:
    case Kind::loop:
      return true;
    default:
      return false;
  }
}

Result<Next> Evaluator::iterate(const Value& value) {
  Next next;
  switch (value.kind()) {
    case Kind::undefined:
      next = [](Value&) -> Result<bool> { return false; };
      break;
    case Kind::text:
      next = over_text(value);
      break;
    case Kind::list:
    case Kind::tuple:
      next = by_index(int64_t(value.items().size()), [value](int64_t i) { return value.items()[size_t(i)]; });
      break;
    case Kind::dict:
      next =
          by_index(int64_t(value.dict().size()), [value](int64_t i) { return value.dict().items()[size_t(i)].first; });
      break;
    case Kind::range: {
      const Range range = *value.get<Kind::range>();
      next = by_index(range.size(), [range](int64_t i) { return Value::integer(range.at(i)); });
      break;
    }
    case Kind::view: {
      const auto view = value.get<Kind::view>();
      next = by_index(int64_t(view->dict->size()), [view](int64_t i) { return view->at(size_t(i)); });
      break;
    }
    case Kind::iterator:
      next = [it = value.get<Kind::iterator>()](Value& out) { return it->next(out); };
      break;
    default:
      return fail("a value of type ", type_name(value), " cannot be walked over.");
  }
  return Next([this, next = std::move(next)](Value& out) -> Result<bool> {
    LK_TRY(charge(1));
    const Deeper level(depth_);
    LK_TRY(check_depth());
    return next(out);
  });
}

Result<std::vector<Value>> Evaluator::collect(const Value& value) {
  if (value.is(Kind::list) || value.is(Kind::tuple)) {
    LK_TRY(reserve(value.items().size(), sizeof(Value)));
    return value.items();
  }
  LK_ASSIGN(const Next next, iterate(value));
  std::vector<Value> out;
  Value each;
  while (true) {
    LK_ASSIGN(const bool more, next(each));
    if (!more) return out;
    LK_TRY(reserve(sizeof(Value) + (each.text() ? sizeof(Text) : 0)));
    out.push_back(std::move(each));
  }
}

Result<int64_t> Evaluator::length(const Value& value) {
  switch (value.kind()) {
    case Kind::undefined:
      return 0;
    case Kind::text:
      LK_TRY(charge(weight(value)));
      return value.get<Kind::text>()->length();
    case Kind::list:
    case Kind::tuple:
      return int64_t(value.items().size());
    case Kind::dict:
      return int64_t(value.dict().size());
    case Kind::range:
      return value.get<Kind::range>()->size();
    case Kind::view:
      return int64_t(value.get<Kind::view>()->dict->size());
    case Kind::loop:
      return value.get<Kind::loop>()->size(*this);
    default:
      return fail("a value of type ", type_name(value), " has no length.");
  }
}

Result<bool> Loop::has_next() {
  if (after) return true;
  if (ended) return false;
  Value item;
  LK_ASSIGN(const bool more, next(item));
  if (more) after = std::move(item);
  ended = !more;
  return more;
}

Result<bool> Loop::advance(Value& item) {
  LK_ASSIGN(const bool more, has_next());
  if (!more) return false;
  ++index0;
  before = std::move(current);
  current = *std::move(after);
  after.reset();
  item = current;
  return true;
}

Result<int64_t> Loop::size(Evaluator& evaluator) {
  if (length) return *length;
  std::vector<Value> rest;
  Value item;
  while (!ended) {
    LK_ASSIGN(const bool more, next(item));
    if (!more) break;
    LK_TRY(evaluator.reserve(sizeof(Value)));
    rest.push_back(std::move(item));
  }
  length = int64_t(rest.size()) + index0 + 1 + (after ? 1 : 0);
  ended = false;
  const int64_t left = int64_t(rest.size());
  next = by_index(left, [rest = std::move(rest)](int64_t i) { return rest[size_t(i)]; });
  return *length;
}

void Loop::clear() {
  next = [](Value&) -> Result<bool> { return false; };
  after.reset();
  current = before = Value();
  changed.reset();
}

}  // namespace lorikeet::jinja
