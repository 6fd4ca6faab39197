#include "frontend/chat/evaluator.h"

#include <algorithm>

#include "frontend/chat/builtins.h"
#include "frontend/chat/lexer.h"
#include "frontend/chat/print.h"

namespace lorikeet::jinja {
namespace {

constexpr int kMaxValueDepth = 200;
constexpr int64_t kMaxWeight = 20'000'000;

}  // namespace

Evaluator::Evaluator(const Template& source, Variables variables, const RenderLimits& limits)
    : source_(source),
      variables_(std::move(variables)),
      limits_(limits),
      steps_(limits.steps),
      memory_(limits.memory) {}

Evaluator::~Evaluator() {
  for (const auto& space : namespaces_) space->attributes = Dict();
}

Result<std::string> Evaluator::render() {
  auto root = activation(source_.slots, nullptr);
  enter(source_.loads, *root);
  auto flow = run(source_.body, *root);
  leave(std::move(root));
  if (flow) return std::move(output_);
  if (raised_) return std::move(flow).error();
  return at_line(line_, flow.error().message);
}

Error Evaluator::raise(const std::string& message) {
  raised_ = true;
  return invalid(message);
}

Status Evaluator::charge(int64_t steps) {
  steps_ -= steps;
  if (steps_ < 0) return fail("the template takes more than ", limits_.steps, " steps.");
  return Done{};
}

Status Evaluator::reserve(size_t bytes) {
  if (bytes > limits_.text) return fail("a text of more than ", limits_.text, " bytes would be made.");
  if (bytes > memory_) return fail("the template makes more than ", limits_.memory, " bytes of values.");
  memory_ -= bytes;
  return charge(int64_t(bytes / 64));
}

Status Evaluator::reserve(size_t count, size_t each) {
  if (each && count > limits_.text / each) return fail("a value of more than ", limits_.text, " bytes would be made.");
  return reserve(count * each);
}

Status Evaluator::check_depth() const {
  if (depth_ > limits_.depth) return fail("the template goes deeper than ", limits_.depth, " levels.");
  return Done{};
}

Result<Value> Evaluator::text(std::string bytes, bool markup) {
  LK_TRY(reserve(bytes.size() + sizeof(Text)));
  return Value::text(std::move(bytes), markup);
}

// Lets a new container through, if it is not too large.
template <class Made>
Result<Value> Evaluator::admitted(Made made, size_t count) {
  LK_TRY(reserve(count + 1, sizeof(Value)));
  LK_TRY(charge(int64_t(count)));
  Value value = made();
  if (depth(value) > kMaxValueDepth) return fail("a value is nested more than ", kMaxValueDepth, " levels deep.");
  if (weight(value) > kMaxWeight) return fail("a value has more than ", kMaxWeight, " parts.");
  return value;
}

Result<Value> Evaluator::list(std::vector<Value> items) {
  const size_t count = items.size();
  return admitted([&] { return Value::list(std::move(items)); }, count);
}

Result<Value> Evaluator::tuple(std::vector<Value> items, bool group) {
  const size_t count = items.size();
  return admitted([&] { return Value::tuple(std::move(items), group); }, count);
}

Result<Value> Evaluator::dict(Dict dict) {
  const size_t count = 3 * dict.size();
  return admitted([&] { return Value::dict(std::move(dict)); }, count);
}

Result<Value> Evaluator::iterator(Next next, int depth) {
  return admitted(
      [&] {
        auto made = std::make_shared<Iterator>();
        made->next = std::move(next);
        made->depth = depth + 1;
        return Value::make<Kind::iterator>(std::move(made));
      },
      8);
}

Value Evaluator::make_namespace(Dict attributes) {
  namespaces_.push_back(std::make_shared<Namespace>());
  namespaces_.back()->attributes = std::move(attributes);
  return Value::make<Kind::space>(namespaces_.back());
}

Result<std::string> Evaluator::str(const Value& value) {
  if (value.text()) {
    LK_TRY(reserve(value.bytes().size()));
    return value.bytes();
  }
  LK_TRY(charge(weight(value)));
  if (value.is(Kind::loop)) LK_TRY(value.get<Kind::loop>()->size(*this));
  std::string out;
  if (!append_str(out, value, limits_.text)) return fail("a text of more than ", limits_.text, " bytes would be made.");
  LK_TRY(reserve(out.size()));
  return out;
}

Result<bool> Evaluator::same(const Value& a, const Value& b) {
  LK_TRY(charge(std::min(weight(a), weight(b))));
  return equal(a, b);
}

Result<bool> Evaluator::compared(Comparison op, const Value& a, const Value& b) {
  if (op == Comparison::in || op == Comparison::not_in) {
    LK_ASSIGN(const bool found, contains(b, a));
    return found == (op == Comparison::in);
  }
  LK_TRY(charge(std::min(weight(a), weight(b))));
  return compare(op, a, b);
}

Result<const Value*> Evaluator::find(const Dict& dict, const Value& key) {
  LK_TRY(charge(weight(key)));
  if (!hashable(key)) return fail("a value of type ", type_name(key), " cannot be a key.");
  return dict.find(key);
}

Result<bool> Evaluator::contains(const Value& container, const Value& item) {
  if (container.text()) {
    if (!item.text()) return fail("'in' needs a text to look for in a text, not ", type_name(item), ".");
    LK_TRY(charge(weight(container) * (item.bytes().size() > 32 ? 4 : 1)));  // long ones are looked for with more care
    return find_text(container.bytes(), item.bytes()) != std::string::npos;
  }
  if (container.is(Kind::dict) || (container.is(Kind::view) && container.get<Kind::view>()->of == View::Of::keys)) {
    const Dict& dict = container.is(Kind::dict) ? container.dict() : *container.get<Kind::view>()->dict;
    LK_ASSIGN(const Value* found, find(dict, item));
    return found != nullptr;
  }
  LK_ASSIGN(const Next next, iterate(container));
  Value each;
  while (true) {
    LK_ASSIGN(const bool more, next(each));
    if (!more) return false;
    LK_ASSIGN(const bool found, same(each, item));
    if (found) return true;
  }
}

Result<Value> Evaluator::filter(std::string_view name, Arguments arguments) {
  const Builtin* found = find_filter(name);
  if (!found) return fail("there is no filter '", name, "'.");
  LK_TRY(charge(1));
  return found->native(*this, arguments);
}

Result<bool> Evaluator::test(std::string_view name, Arguments arguments) {
  const Builtin* found = find_test(name);
  if (!found) return fail("there is no test '", name, "'.");
  LK_TRY(charge(1));
  LK_ASSIGN(const Value value, found->native(*this, arguments));
  return truth(value);
}

Value Evaluator::lookup(const std::string& name) {
  if (const auto found = exported_.find(name); found != exported_.end()) return found->second;
  if (const auto found = variables_.find(name); found != variables_.end()) return found->second;
  if (const Builtin* found = find_global(name))
    return Value::make<Kind::function>(std::make_shared<const Function>(Function{found->name, found->native, {}}));
  return {};
}

std::string macro_title(const Macro& macro) {
  return macro.statement->kind == StmtKind::macro ? quoted(macro.statement->name) : "anonymous";
}

}  // namespace lorikeet::jinja
