#include <algorithm>
#include <utility>

#include "frontend/chat/builtins.h"
#include "frontend/chat/evaluator.h"

namespace lorikeet::jinja {

Value& Evaluator::slot(const Slot& slot, Activation& at) {
  Activation* found = &at;
  for (int i = 0; i < slot.hops; ++i) found = found->outer;
  return found->slots[size_t(slot.index)];
}

Result<Value> Evaluator::evaluate(const Expr& e, Activation& at) {
  const Deeper level(depth_);
  LK_TRY(check_depth());
  LK_TRY(charge(1));
  line_ = e.line;
  return evaluate_kind(e, at);
}

Result<Value> Evaluator::evaluate_kind(const Expr& e, Activation& at) {
  switch (e.kind) {
    case ExprKind::constant:
      return e.value;
    case ExprKind::name:
      return evaluate_name(e, at);
    case ExprKind::binary:
      return evaluate_binary(e, at);
    case ExprKind::compare:
      return evaluate_compare(e, at);
    case ExprKind::concat:
      return evaluate_concat(e, at);
    case ExprKind::condition:
      return evaluate_condition(e, at);
    case ExprKind::item:
      return evaluate_item(e, at);
    case ExprKind::call:
      return evaluate_call(e, at);
    case ExprKind::filter:
      return evaluate_filter(e, at);
    case ExprKind::test:
      return evaluate_test(e, at);
    case ExprKind::dict:
      return evaluate_dict(e, at);
    case ExprKind::logical_and:
    case ExprKind::logical_or:
      return evaluate_logical(e, at);
    case ExprKind::attribute: {
      LK_ASSIGN(const Value object, evaluate(*e.items[0], at));
      return attribute(object, e.name);
    }
    case ExprKind::list: {
      LK_ASSIGN(std::vector<Value> items, evaluate_all(e.items, at));
      return list(std::move(items));
    }
    case ExprKind::tuple: {
      LK_ASSIGN(std::vector<Value> items, evaluate_all(e.items, at));
      return tuple(std::move(items));
    }
    default:
      break;
  }
  if (e.kind == ExprKind::slice || e.kind == ExprKind::ns_attribute) return fail("this is not an expression.");
  LK_ASSIGN(const Value operand, evaluate(*e.items[0], at));
  if (e.kind == ExprKind::logical_not) {
    return Value::boolean(!truth(operand));
  }
  return e.kind == ExprKind::negative ? negative(operand) : positive(operand);
}

Result<Value> Evaluator::evaluate_name(const Expr& e, Activation& at) {
  const Value& value = slot(e.slot, at);
  if (value.missing()) return Value::undefined(join("'", e.name, "' is undefined."));
  return value;
}

Result<std::vector<Value>> Evaluator::evaluate_all(const std::vector<ExprPtr>& items, Activation& at) {
  std::vector<Value> out;
  out.reserve(items.size());
  for (const ExprPtr& item : items) {
    LK_ASSIGN(Value value, evaluate(*item, at));
    out.push_back(std::move(value));
  }
  return out;
}

Result<Value> Evaluator::evaluate_dict(const Expr& e, Activation& at) {
  Dict out;
  for (size_t i = 0; i + 1 < e.items.size(); i += 2) {
    LK_ASSIGN(Value key, evaluate(*e.items[i], at));
    LK_ASSIGN(Value value, evaluate(*e.items[i + 1], at));
    if (!hashable(key)) return fail("a value of type ", type_name(key), " cannot be a key.");
    LK_TRY(charge(weight(key)));
    out.set(std::move(key), std::move(value));
  }
  return dict(std::move(out));
}

Result<Value> Evaluator::evaluate_logical(const Expr& e, Activation& at) {
  LK_ASSIGN(Value left, evaluate(*e.items[0], at));
  if (truth(left) == (e.kind == ExprKind::logical_or)) return left;
  return evaluate(*e.items[1], at);
}

Result<Value> Evaluator::evaluate_binary(const Expr& e, Activation& at) {
  LK_ASSIGN(const Value left, evaluate(*e.items[0], at));
  LK_ASSIGN(const Value right, evaluate(*e.items[1], at));
  line_ = e.line;
  return combined(e.op, left, right);
}

Result<Value> Evaluator::evaluate_compare(const Expr& e, Activation& at) {
  LK_ASSIGN(Value left, evaluate(*e.items[0], at));
  for (size_t i = 0; i < e.comparisons.size(); ++i) {
    LK_ASSIGN(Value right, evaluate(*e.items[i + 1], at));
    LK_ASSIGN(const bool holds, compared(e.comparisons[i], left, right));
    if (!holds) return Value::boolean(false);
    left = std::move(right);
  }
  return Value::boolean(true);
}

Result<Value> Evaluator::evaluate_concat(const Expr& e, Activation& at) {
  LK_ASSIGN(const std::vector<Value> parts, evaluate_all(e.items, at));
  const bool markup =
      autoescape_ && std::any_of(parts.begin(), parts.end(), [](const Value& part) { return part.markup(); });
  std::string out;
  for (const Value& part : parts) {
    LK_ASSIGN(const std::string bytes, str(part));
    out += markup && !part.markup() ? escaped(bytes) : bytes;
    LK_TRY(reserve(out.size() > limits_.text ? out.size() : 0));
  }
  return text(std::move(out), markup);
}

Result<Value> Evaluator::evaluate_condition(const Expr& e, Activation& at) {
  LK_ASSIGN(const Value test, evaluate(*e.items[0], at));
  if (truth(test)) return evaluate(*e.items[1], at);
  if (e.items.size() > 2) return evaluate(*e.items[2], at);
  return Value::undefined(join("the inline if on line ", e.line, " was false and has no else."));
}

Result<Value> Evaluator::evaluate_item(const Expr& e, Activation& at) {
  LK_ASSIGN(const Value object, evaluate(*e.items[0], at));
  const Expr& key = *e.items[1];
  if (key.kind != ExprKind::slice) {
    LK_ASSIGN(const Value value, evaluate(key, at));
    return item(object, value);
  }
  Value parts[3];
  for (int i = 0; i < 3; ++i) {
    if (!key.items[size_t(i)]) continue;
    LK_ASSIGN(parts[i], evaluate(*key.items[size_t(i)], at));
  }
  // A literal that cannot be sliced gives undefined, as constants are folded in Jinja2.
  const bool literal = e.items[0]->kind == ExprKind::constant;
  if (literal && (object.is(Kind::none) || number(object))) return absent(object, Value::none());
  return slice(object, parts[0], parts[1], parts[2]);
}

Status Evaluator::evaluate_arguments(const CallArguments& from, Arguments& to, Activation& at) {
  for (const ExprPtr& argument : from.positional) {
    LK_ASSIGN(Value value, evaluate(*argument, at));
    to.positional.push_back(std::move(value));
  }
  for (const auto& [name, argument] : from.keywords) {
    LK_ASSIGN(Value value, evaluate(*argument, at));
    to.keywords.emplace_back(name, std::move(value));
  }
  if (from.star) {
    LK_ASSIGN(const Value value, evaluate(*from.star, at));
    LK_ASSIGN(const std::vector<Value> items, collect(value));
    to.positional.insert(to.positional.end(), items.begin(), items.end());
  }
  if (!from.star_star) return Done{};
  LK_ASSIGN(const Value value, evaluate(*from.star_star, at));
  if (!value.is(Kind::dict)) return fail("'**' needs a dict, not ", type_name(value), ".");
  LK_TRY(charge(int64_t(value.dict().size())));
  for (const auto& [key, entry] : value.dict().items()) {
    if (!key.text()) return fail("the keys after '**' must be texts.");
    for (const auto& keyword : from.keywords)
      if (keyword.first == key.bytes()) return fail("the argument '", key.bytes(), "' is given twice.");
    to.keywords.emplace_back(key.bytes(), entry);
  }
  return Done{};
}

// A method is called without making a bound function of it first.
Result<Value> Evaluator::evaluate_call(const Expr& e, Activation& at, const Value* caller) {
  const Expr& callee = *e.items[0];
  Arguments arguments;
  const Builtin* method = nullptr;
  Value function;
  if (callee.kind == ExprKind::attribute) {
    LK_ASSIGN(Value object, evaluate(*callee.items[0], at));
    if (!object.is(Kind::space)) method = find_method(object, callee.name);
    if (method) {
      arguments.positional.push_back(std::move(object));
    } else {
      LK_ASSIGN(function, attribute(object, callee.name));
    }
  } else {
    LK_ASSIGN(function, evaluate(callee, at));
  }
  LK_TRY(evaluate_arguments(*e.arguments, arguments, at));
  if (caller) arguments.keywords.emplace_back("caller", *caller);
  line_ = e.line;
  if (!method) return call(function, std::move(arguments));
  LK_TRY(charge(1));
  return method->native(*this, arguments);
}

Result<Value> Evaluator::evaluate_filter(const Expr& e, Activation& at, const Value* input) {
  Arguments arguments;
  if (!e.items.empty() && e.items[0]->kind == ExprKind::filter && input) {
    LK_ASSIGN(Value value, evaluate_filter(*e.items[0], at, input));
    arguments.positional.push_back(std::move(value));
  } else if (!e.items.empty()) {
    LK_ASSIGN(Value value, evaluate(*e.items[0], at));
    arguments.positional.push_back(std::move(value));
  } else if (input) {
    arguments.positional.push_back(*input);
  }
  LK_TRY(evaluate_arguments(*e.arguments, arguments, at));
  line_ = e.line;
  return filter(e.name, std::move(arguments));
}

Result<Value> Evaluator::evaluate_test(const Expr& e, Activation& at) {
  Arguments arguments;
  LK_ASSIGN(Value value, evaluate(*e.items[0], at));
  arguments.positional.push_back(std::move(value));
  LK_TRY(evaluate_arguments(*e.arguments, arguments, at));
  line_ = e.line;
  LK_ASSIGN(const bool holds, test(e.name, std::move(arguments)));
  return Value::boolean(holds);
}

// + of texts: if one is marked as safe, the other is escaped.
Result<Value> Evaluator::joined(const Value& a, const Value& b) {
  LK_TRY(reserve(a.bytes().size() + b.bytes().size()));
  if (a.markup() == b.markup()) return text(a.bytes() + b.bytes(), a.markup());
  return text(a.markup() ? a.bytes() + escaped(b.bytes()) : escaped(a.bytes()) + b.bytes(), true);
}

Result<Value> Evaluator::repeated(const Value& items, const Value& count) {
  LK_ASSIGN(const int64_t given, to_integer("'*'", count));
  const size_t times = given > 0 ? size_t(given) : 0;
  if (items.text()) {
    LK_TRY(reserve(times, items.bytes().size()));
    std::string out;
    out.reserve(items.bytes().size() * times);
    for (size_t i = 0; i < times && !items.bytes().empty(); ++i) out += items.bytes();
    return text(std::move(out), items.markup());
  }
  LK_TRY(reserve(times, items.items().size() * sizeof(Value)));
  std::vector<Value> out;
  for (size_t i = 0; i < times && !items.items().empty(); ++i)
    out.insert(out.end(), items.items().begin(), items.items().end());
  return items.is(Kind::list) ? list(std::move(out)) : tuple(std::move(out));
}

Result<Value> Evaluator::combined(Operator op, const Value& a, const Value& b) {
  if (op == Operator::modulo && a.text()) return percent_format(*this, a, b);
  if (a.undefined()) return fail(a.get<Kind::undefined>()->message);
  if (b.undefined()) return fail(b.get<Kind::undefined>()->message);
  const auto sequence = [](const Value& v) { return v.text() || v.is(Kind::list) || v.is(Kind::tuple); };
  if (op == Operator::add && a.text() && b.text()) return joined(a, b);
  if (op == Operator::add && a.kind() == b.kind() && sequence(a)) {
    LK_TRY(reserve(a.items().size() + b.items().size(), sizeof(Value)));
    std::vector<Value> out = a.items();
    out.insert(out.end(), b.items().begin(), b.items().end());
    return a.is(Kind::list) ? list(std::move(out)) : tuple(std::move(out));
  }
  if (op == Operator::multiply && sequence(a) && whole(b)) return repeated(a, b);
  if (op == Operator::multiply && whole(a) && sequence(b)) return repeated(b, a);
  if (a.is(Kind::big) || b.is(Kind::big)) LK_TRY(charge(1000));
  return arithmetic(op, a, b);
}

Result<Value> Evaluator::call(const Value& callee, Arguments arguments) {
  LK_TRY(charge(1));
  const Deeper level(depth_);
  LK_TRY(check_depth());
  switch (callee.kind()) {
    case Kind::undefined:
      return fail(callee.get<Kind::undefined>()->message);
    case Kind::macro:
      return call_macro(*callee.get<Kind::macro>(), std::move(arguments));
    case Kind::loop: {
      const auto loop = callee.get<Kind::loop>();
      return call_loop(*loop, std::move(arguments));
    }
    case Kind::function: {
      const auto function = callee.get<Kind::function>();
      if (!function->self.missing()) arguments.positional.insert(arguments.positional.begin(), function->self);
      return function->native(*this, arguments);
    }
    case Kind::joiner: {
      LK_ASSIGN(const auto none, parameters("joiner", arguments, {}, 0));
      Joiner& joiner = *callee.get<Kind::joiner>();
      return std::exchange(joiner.used, true) ? joiner.separator : Value::text("");
    }
    default:
      return fail("a value of type ", type_name(callee), " cannot be called.");
  }
}

}  // namespace lorikeet::jinja
