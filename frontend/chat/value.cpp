#include "frontend/chat/value.h"

#include <algorithm>
#include <cmath>
#include <compare>

#include "frontend/chat/unicode.h"

namespace lorikeet::jinja {
namespace {

constexpr int64_t kWeightCap = int64_t(1) << 60;

void add_child(const Value& child, int& depth_out, int64_t& weight_out) {
  depth_out = std::max(depth_out, depth(child) + 1);
  weight_out = std::min(kWeightCap, weight_out + weight(child));
}

std::shared_ptr<const Sequence> sequence(std::vector<Value> items, bool group) {
  auto out = std::make_shared<Sequence>();
  out->items = std::move(items);
  out->group = group;
  for (const Value& item : out->items) add_child(item, out->depth, out->weight);
  return out;
}

bool equal_items(const std::vector<Value>& a, const std::vector<Value>& b) {
  return a.size() == b.size() && std::equal(a.begin(), a.end(), b.begin(), equal);
}

bool equal_dicts(const Dict& a, const Dict& b) {
  if (a.size() != b.size()) return false;
  for (const auto& [key, value] : a.items()) {
    const Value* other = b.find(key);
    if (!other || !equal(value, *other)) return false;
  }
  return true;
}

bool equal_ranges(const Range& a, const Range& b) {
  if (a.size() != b.size()) return false;
  if (a.size() == 0) return true;
  return a.start == b.start && (a.size() == 1 || a.step == b.step);
}

bool equal_views(const View& a, const View& b) {
  if (a.of == View::Of::values || a.of != b.of || a.dict->size() != b.dict->size()) return &a == &b;
  for (const auto& [key, value] : a.dict->items()) {
    const Value* other = b.dict->find(key);
    if (!other || (a.of == View::Of::items && !equal(value, *other))) return false;
  }
  return true;
}

size_t mix(size_t a, size_t b) { return a * 1000003 ^ (b + 0x9e3779b97f4a7c15u); }

size_t hash_real(double value) {
  if (value == std::trunc(value) && std::abs(value) < 9.2e18) return std::hash<int64_t>()(int64_t(value));
  if (const auto whole = BigInt::truncated(value); whole && value == std::trunc(value)) return whole->hash();
  return std::hash<double>()(value);
}

}  // namespace

Value Value::integer(const BigInt& i) {
  if (const auto small = i.small()) return integer(*small);
  return make<Kind::big>(std::make_shared<const BigInt>(i));
}

Value Value::text(std::string bytes, bool markup) {
  auto out = std::make_shared<Text>();
  out->bytes = std::move(bytes);
  out->markup = markup;
  return make<Kind::text>(std::shared_ptr<const Text>(std::move(out)));
}

Value Value::undefined(std::string message) {
  return make<Kind::undefined>(std::make_shared<const Undefined>(Undefined{std::move(message)}));
}

Value Value::list(std::vector<Value> items) { return make<Kind::list>(sequence(std::move(items), false)); }
Value Value::tuple(std::vector<Value> items, bool group) {
  return make<Kind::tuple>(sequence(std::move(items), group));
}
Value Value::dict(Dict dict) { return make<Kind::dict>(std::make_shared<const Dict>(std::move(dict))); }

const std::string& Value::bytes() const { return get<Kind::text>()->bytes; }
bool Value::markup() const { return text() && get<Kind::text>()->markup; }
const std::vector<Value>& Value::items() const {
  return is(Kind::list) ? get<Kind::list>()->items : get<Kind::tuple>()->items;
}

const void* Value::identity() const {
  return std::visit(
      [](const auto& content) -> const void* {
        if constexpr (requires { content.get(); }) return content.get();
        else return nullptr;
      },
      content_);
}

int64_t Text::length() const {
  if (points < 0) points = int64_t(unicode::length(bytes));
  return points;
}

int64_t Dict::position(const Value& key) const {
  if (items_.size() <= kLinear) {
    for (size_t i = 0; i < items_.size(); ++i)
      if (equal(items_[i].first, key)) return int64_t(i);
    return -1;
  }
  const auto [first, last] = index_.equal_range(hash(key));
  for (auto it = first; it != last; ++it)
    if (equal(items_[it->second].first, key)) return int64_t(it->second);
  return -1;
}

const Value* Dict::find(const Value& key) const {
  const int64_t at = position(key);
  return at < 0 ? nullptr : &items_[size_t(at)].second;
}

const Value* Dict::find(std::string_view key) const {
  if (items_.size() > kLinear) return find(Value::text(std::string(key)));
  for (const auto& [name, value] : items_)
    if (name.text() && name.bytes() == key) return &value;
  return nullptr;
}

void Dict::set(Value key, Value value) {
  add_child(key, depth_, weight_);
  add_child(value, depth_, weight_);
  if (const int64_t at = position(key); at >= 0) {
    items_[size_t(at)].second = std::move(value);
    return;
  }
  items_.emplace_back(std::move(key), std::move(value));
  if (items_.size() <= kLinear) return;
  for (size_t i = index_.size(); i < items_.size(); ++i) index_.emplace(hash(items_[i].first), i);
}

int64_t Range::size() const {
  if (step > 0) return start < stop ? int64_t((uint64_t(stop) - uint64_t(start) - 1) / uint64_t(step) + 1) : 0;
  return start > stop ? int64_t((uint64_t(start) - uint64_t(stop) - 1) / (~uint64_t(step) + 1) + 1) : 0;
}

Value View::at(size_t i) const {
  const auto& [key, value] = dict->items()[i];
  if (of == Of::keys) return key;
  if (of == Of::values) return value;
  return Value::tuple({key, value});
}

bool truth(const Value& value) {
  switch (value.kind()) {
    case Kind::missing:
    case Kind::undefined:
    case Kind::none:
      return false;
    case Kind::boolean:
      return value.boolean();
    case Kind::integer:
      return value.integer() != 0;
    case Kind::real:
      return value.real() != 0;
    case Kind::text:
      return !value.bytes().empty();
    case Kind::list:
    case Kind::tuple:
      return !value.items().empty();
    case Kind::dict:
      return value.dict().size() > 0;
    case Kind::range:
      return value.get<Kind::range>()->size() > 0;
    case Kind::view:
      return value.get<Kind::view>()->dict->size() > 0;
    default:
      return true;
  }
}

bool whole(const Value& value) { return value.is(Kind::boolean) || value.is(Kind::integer) || value.is(Kind::big); }

bool number(const Value& value) { return whole(value) || value.is(Kind::real); }

BigInt big(const Value& whole) {
  if (whole.is(Kind::big)) return *whole.get<Kind::big>();
  return BigInt(whole.is(Kind::boolean) ? int64_t(whole.boolean()) : whole.integer());
}

double as_real(const Value& number) {
  switch (number.kind()) {
    case Kind::boolean:
      return number.boolean();
    case Kind::integer:
      return double(number.integer());
    case Kind::big:
      return number.get<Kind::big>()->real();
    default:
      return number.real();
  }
}

std::strong_ordering order_whole(const Value& a, const Value& b) {
  if (a.is(Kind::big) || b.is(Kind::big)) return compare(big(a), big(b)) <=> 0;
  const auto plain = [](const Value& v) { return v.is(Kind::boolean) ? int64_t(v.boolean()) : v.integer(); };
  return plain(a) <=> plain(b);
}

bool equal(const Value& a, const Value& b) {
  if (number(a) && number(b)) {
    if (whole(a) && whole(b)) return order_whole(a, b) == 0;
    if (a.is(Kind::real) && b.is(Kind::real)) return a.real() == b.real();
    const double real = a.is(Kind::real) ? a.real() : b.real();
    const auto exact = BigInt::truncated(real);
    return exact && real == std::trunc(real) && compare(*exact, big(a.is(Kind::real) ? b : a)) == 0;
  }
  if (a.kind() != b.kind()) return false;
  if (a.identity() && a.identity() == b.identity()) return true;
  switch (a.kind()) {
    case Kind::missing:
    case Kind::undefined:
    case Kind::none:
      return true;
    case Kind::text:
      return a.bytes() == b.bytes();
    case Kind::list:
    case Kind::tuple:
      return equal_items(a.items(), b.items());
    case Kind::dict:
      return equal_dicts(a.dict(), b.dict());
    case Kind::range:
      return equal_ranges(*a.get<Kind::range>(), *b.get<Kind::range>());
    case Kind::view:
      return equal_views(*a.get<Kind::view>(), *b.get<Kind::view>());
    case Kind::function: {
      const Function &f = *a.get<Kind::function>(), &g = *b.get<Kind::function>();
      return f.native == g.native && f.self.identity() == g.self.identity();
    }
    default:
      return false;
  }
}

bool hashable(const Value& value) {
  if (value.is(Kind::list) || value.is(Kind::dict)) return false;
  if (value.is(Kind::view)) return value.get<Kind::view>()->of == View::Of::values;
  if (value.is(Kind::tuple)) return std::all_of(value.items().begin(), value.items().end(), hashable);
  return true;
}

size_t hash(const Value& value) {
  switch (value.kind()) {
    case Kind::boolean:
      return std::hash<int64_t>()(value.boolean());
    case Kind::integer:
      return std::hash<int64_t>()(value.integer());
    case Kind::big:
      return value.get<Kind::big>()->hash();
    case Kind::real:
      return hash_real(value.real());
    case Kind::text:
      return std::hash<std::string>()(value.bytes());
    case Kind::tuple: {
      size_t out = value.items().size();
      for (const Value& item : value.items()) out = mix(out, hash(item));
      return out;
    }
    case Kind::range:
      return size_t(value.get<Kind::range>()->size());
    case Kind::undefined:
    case Kind::none:
    case Kind::function:
      return size_t(value.kind());
    default:
      return std::hash<const void*>()(value.identity());
  }
}

int depth(const Value& value) {
  switch (value.kind()) {
    case Kind::list:
      return value.get<Kind::list>()->depth;
    case Kind::tuple:
      return value.get<Kind::tuple>()->depth;
    case Kind::dict:
      return value.dict().depth();
    case Kind::view:
      return value.get<Kind::view>()->dict->depth() + 1;
    case Kind::iterator:
      return value.get<Kind::iterator>()->depth;
    case Kind::function:
      return depth(value.get<Kind::function>()->self) + 1;
    case Kind::cycler:
      return value.get<Kind::cycler>()->depth;
    case Kind::joiner:
      return depth(value.get<Kind::joiner>()->separator) + 1;
    default:
      return 0;
  }
}

int64_t weight(const Value& value) {
  switch (value.kind()) {
    case Kind::text:
      return 1 + int64_t(value.bytes().size() / 64);
    case Kind::list:
      return value.get<Kind::list>()->weight;
    case Kind::tuple:
      return value.get<Kind::tuple>()->weight;
    case Kind::dict:
      return value.dict().weight();
    case Kind::view:
      return value.get<Kind::view>()->dict->weight() + 1;
    case Kind::big:
      return 16;
    default:
      return 1;
  }
}

std::string_view type_name(const Value& value) {
  switch (value.kind()) {
    case Kind::missing:
      return "missing";
    case Kind::undefined:
      return "Undefined";
    case Kind::none:
      return "NoneType";
    case Kind::boolean:
      return "bool";
    case Kind::integer:
    case Kind::big:
      return "int";
    case Kind::real:
      return "float";
    case Kind::text:
      return value.markup() ? "Markup" : "str";
    case Kind::list:
      return "list";
    case Kind::tuple:
      return "tuple";
    case Kind::dict:
      return "dict";
    case Kind::range:
      return "range";
    case Kind::view: {
      const View::Of of = value.get<Kind::view>()->of;
      return of == View::Of::keys ? "dict_keys" : of == View::Of::values ? "dict_values" : "dict_items";
    }
    case Kind::iterator:
      return "generator";
    case Kind::space:
      return "Namespace";
    case Kind::loop:
      return "LoopContext";
    case Kind::macro:
      return "Macro";
    case Kind::function:
      return "function";
    case Kind::cycler:
      return "Cycler";
    case Kind::joiner:
      return "Joiner";
  }
  return "object";
}

}  // namespace lorikeet::jinja
