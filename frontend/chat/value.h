// Values of the template language: what Python values look like to a template. Everything but Namespace, Iterator,
// Loop, Cycler and Joiner is immutable, so values are shared freely; sizes and depths are known at creation, so that
// no walk over a value can run away.
#pragma once

#include <compare>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <variant>
#include <vector>

#include "frontend/chat/integer.h"
#include "runtime/base/result.h"
#include "runtime/base/text.h"

namespace lorikeet::jinja {

class Value;
class Evaluator;
class Dict;
struct Undefined;
struct Text;
struct Sequence;
struct Range;
struct View;
struct Iterator;
struct Namespace;
struct Loop;
struct Macro;
struct Function;
struct Cycler;
struct Joiner;

struct Missing {};  // no value at all: a variable that was never set, an argument that was not given
struct None {};

enum class Kind {  // in the order of Value::Content
  missing,
  undefined,
  none,
  boolean,
  integer,
  big,
  real,
  text,
  list,
  tuple,
  dict,
  range,
  view,
  iterator,
  space,
  loop,
  macro,
  function,
  cycler,
  joiner
};

class Value {
 public:
  template <class T>
  using Shared = std::shared_ptr<T>;
  using Content =
      std::variant<Missing, Shared<const Undefined>, None, bool, int64_t, Shared<const BigInt>, double,
                   Shared<const Text>, Shared<const Sequence>, Shared<const Sequence>, Shared<const Dict>,
                   Shared<const Range>, Shared<const View>, Shared<Iterator>, Shared<Namespace>, Shared<Loop>,
                   Shared<const Macro>, Shared<const Function>, Shared<Cycler>, Shared<Joiner>>;

  Value() = default;  // missing
  template <Kind kind, class T>
  static Value make(T content) {
    Value value;
    value.content_.template emplace<size_t(kind)>(std::move(content));
    return value;
  }
  static Value none() { return make<Kind::none>(None{}); }
  static Value boolean(bool b) { return make<Kind::boolean>(b); }
  static Value integer(int64_t i) { return make<Kind::integer>(i); }
  static Value integer(const BigInt& i);  // becomes a plain integer if it fits
  static Value real(double d) { return make<Kind::real>(d); }
  static Value text(std::string bytes, bool markup = false);
  static Value undefined(std::string message);
  static Value list(std::vector<Value> items);
  static Value tuple(std::vector<Value> items, bool group = false);
  static Value dict(Dict dict);

  Kind kind() const { return Kind(content_.index()); }
  bool is(Kind kind) const { return this->kind() == kind; }
  bool missing() const { return is(Kind::missing); }
  bool undefined() const { return is(Kind::undefined); }
  bool text() const { return is(Kind::text); }

  template <Kind kind>
  const auto& get() const {
    return std::get<size_t(kind)>(content_);
  }
  bool boolean() const { return get<Kind::boolean>(); }
  int64_t integer() const { return get<Kind::integer>(); }
  double real() const { return get<Kind::real>(); }
  const std::string& bytes() const;         // of a text
  bool markup() const;                      // a text that is marked as safe HTML
  const std::vector<Value>& items() const;  // of a list or tuple
  const Dict& dict() const { return *get<Kind::dict>(); }
  const void* identity() const;  // the shared object, null for plain values

 private:
  Content content_;
};

struct Undefined {
  std::string message;  // what is said when it is used
};

struct Text {
  std::string bytes;  // UTF-8
  bool markup = false;
  mutable int64_t points = -1;  // code points, counted on demand

  int64_t length() const;
  bool ascii() const { return length() == int64_t(bytes.size()); }
};

struct Sequence {
  std::vector<Value> items;
  bool group = false;  // a pair of groupby, which also has the names grouper and list
  int depth = 1;       // of nesting
  int64_t weight = 1;  // what a walk over it costs
};

// In order of insertion, like Python's.
class Dict {
 public:
  const Value* find(const Value& key) const;  // the key must be hashable
  const Value* find(std::string_view key) const;
  void set(Value key, Value value);
  const std::vector<std::pair<Value, Value>>& items() const { return items_; }
  size_t size() const { return items_.size(); }
  int depth() const { return depth_; }
  int64_t weight() const { return weight_; }

 private:
  static constexpr size_t kLinear = 8;  // up to this size a scan is faster than hashing
  int64_t position(const Value& key) const;

  std::vector<std::pair<Value, Value>> items_;
  std::unordered_multimap<size_t, size_t> index_;  // hash to position, only beyond kLinear
  int depth_ = 1;
  int64_t weight_ = 1;
};

struct Range {
  int64_t start = 0, stop = 0, step = 1;

  int64_t size() const;
  int64_t at(int64_t i) const { return start + i * step; }
};

struct View {  // dict.keys(), dict.values(), dict.items()
  enum class Of { keys, values, items };
  Of of;
  std::shared_ptr<const Dict> dict;

  Value at(size_t i) const;
};

// Gives the next value, or false at the end.
using Next = std::function<Result<bool>(Value&)>;

struct Iterator {  // what a Python generator is: can be walked once
  Next next;
  int depth = 1;
};

struct Namespace {
  Dict attributes;
};

struct Cycler {
  std::vector<Value> items;
  size_t position = 0;
  int depth = 1;
};

struct Joiner {
  Value separator;
  bool used = false;
};

struct Arguments {
  std::vector<Value> positional;
  std::vector<std::pair<std::string, Value>> keywords;
};
using Native = Result<Value> (*)(Evaluator&, Arguments&);

struct Function {  // a global function, or a method bound to its object
  std::string_view name;
  Native native;
  Value self;  // missing for a global function
};

// Python's notions; none can fail.
bool truth(const Value& value);
bool equal(const Value& a, const Value& b);
bool hashable(const Value& value);
size_t hash(const Value& value);  // of a hashable value
int depth(const Value& value);
int64_t weight(const Value& value);
std::string_view type_name(const Value& value);  // "int", "str", ...
bool number(const Value& value);                 // bool, int, float
bool whole(const Value& value);                  // bool, int
BigInt big(const Value& whole);
double as_real(const Value& number);
std::strong_ordering order_whole(const Value& a, const Value& b);

// An error of the template: a sentence without the place, which the evaluator adds.
template <class... Parts>
Error fail(const Parts&... parts) {
  return invalid(join(parts...));
}

}  // namespace lorikeet::jinja
