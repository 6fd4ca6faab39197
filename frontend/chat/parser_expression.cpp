#include "frontend/chat/parser.h"

namespace lorikeet::jinja {

std::string_view describe(TokenKind kind) {
  constexpr std::string_view kNames[] = {
      "text", "{{", "}}", "{%", "%}", "a name", "a string", "an integer", "a float", "+", "=", ":", ",", "/", ".", "==",
      "//", ">", ">=", "{", "[", "(", "<", "<=", "%", "*", "!=", "|", "**", "}", "]", ")", ";", "-", "~",
      "the end of the template"};
  return kNames[int(kind)];
}

std::string describe(const Token& token) {
  if (token.kind == TokenKind::name) return "'" + token.text + "'";
  if (token.kind == TokenKind::integer || token.kind == TokenKind::real) return token.text;
  return std::string(describe(token.kind));
}

Result<Token> Parser::expect(TokenKind kind) {
  if (!is(kind)) return error(join("expected ", describe(kind), ", found ", describe(current()), "."));
  return take();
}

Status Parser::expect_name(std::string_view name) {
  if (!is_name(name)) return error(join("expected '", name, "', found ", describe(current()), "."));
  take();
  return Done{};
}

ExprPtr Parser::node(ExprKind kind, int line) const {
  auto out = std::make_unique<Expr>();
  out->kind = kind;
  out->line = line;
  return out;
}

Result<ExprPtr> Parser::add(ExprPtr parent, ExprPtr child) const {
  parent->depth = std::max(parent->depth, child->depth + 1);
  if (parent->depth > kMaxDepth) return error("the expression is too deep.");
  parent->items.push_back(std::move(child));
  return parent;
}

Result<ExprPtr> Parser::pair(ExprKind kind, int line, ExprPtr left, ExprPtr right) const {
  LK_ASSIGN(ExprPtr out, add(node(kind, line), std::move(left)));
  return add(std::move(out), std::move(right));
}

Result<ExprPtr> Parser::expression(bool with_condition) { return with_condition ? condition() : or_expression(); }

Result<ExprPtr> Parser::condition() {
  const Nesting level(nesting_);
  if (nesting_ > kMaxNesting) return error("the expression is nested too deeply.");
  int line = current().line;
  LK_ASSIGN(ExprPtr out, or_expression());
  while (skip_name("if")) {
    LK_ASSIGN(ExprPtr test, or_expression());
    LK_ASSIGN(ExprPtr chosen, pair(ExprKind::condition, line, std::move(test), std::move(out)));
    if (skip_name("else")) {
      LK_ASSIGN(ExprPtr otherwise, condition());
      LK_ASSIGN(chosen, add(std::move(chosen), std::move(otherwise)));
    }
    out = std::move(chosen);
    line = current().line;
  }
  return out;
}

Result<ExprPtr> Parser::or_expression() {
  const int line = current().line;
  LK_ASSIGN(ExprPtr out, and_expression());
  while (skip_name("or")) {
    LK_ASSIGN(ExprPtr right, and_expression());
    LK_ASSIGN(out, pair(ExprKind::logical_or, line, std::move(out), std::move(right)));
  }
  return out;
}

Result<ExprPtr> Parser::and_expression() {
  const int line = current().line;
  LK_ASSIGN(ExprPtr out, not_expression());
  while (skip_name("and")) {
    LK_ASSIGN(ExprPtr right, not_expression());
    LK_ASSIGN(out, pair(ExprKind::logical_and, line, std::move(out), std::move(right)));
  }
  return out;
}

Result<ExprPtr> Parser::not_expression() {
  if (!is_name("not")) return comparison();
  const Nesting level(nesting_);
  if (nesting_ > kMaxNesting) return error("the expression is nested too deeply.");
  const int line = take().line;
  LK_ASSIGN(ExprPtr operand, not_expression());
  return add(node(ExprKind::logical_not, line), std::move(operand));
}

namespace {

// The comparison that a token begins, if it does.
std::optional<Comparison> comparison_of(TokenKind kind) {
  switch (kind) {
    case TokenKind::eq: return Comparison::equal;
    case TokenKind::ne: return Comparison::unequal;
    case TokenKind::lt: return Comparison::less;
    case TokenKind::lteq: return Comparison::less_equal;
    case TokenKind::gt: return Comparison::greater;
    case TokenKind::gteq: return Comparison::greater_equal;
    default: return std::nullopt;
  }
}

std::optional<Operator> product_of(TokenKind kind) {
  switch (kind) {
    case TokenKind::mul: return Operator::multiply;
    case TokenKind::div: return Operator::divide;
    case TokenKind::floordiv: return Operator::floor_divide;
    case TokenKind::mod: return Operator::modulo;
    default: return std::nullopt;
  }
}

}  // namespace

Result<ExprPtr> Parser::comparison() {
  const int line = current().line;
  LK_ASSIGN(ExprPtr first, sum());
  ExprPtr chain;
  while (true) {
    std::optional<Comparison> op = comparison_of(current().kind);
    if (op) take();
    else if (skip_name("in")) op = Comparison::in;
    else if (is_name("not") && ahead().kind == TokenKind::name && ahead().text == "in") take(), take(), op = Comparison::not_in;
    if (!op) break;
    if (!chain) {
      LK_ASSIGN(chain, add(node(ExprKind::compare, line), std::move(first)));
    }
    LK_ASSIGN(ExprPtr operand, sum());
    LK_ASSIGN(chain, add(std::move(chain), std::move(operand)));
    chain->comparisons.push_back(*op);
  }
  return chain ? std::move(chain) : std::move(first);
}

Result<ExprPtr> Parser::sum() {
  const int line = current().line;
  LK_ASSIGN(ExprPtr out, concatenation());
  while (is(TokenKind::add) || is(TokenKind::sub)) {
    const Operator op = take().kind == TokenKind::add ? Operator::add : Operator::subtract;
    LK_ASSIGN(ExprPtr right, concatenation());
    LK_ASSIGN(out, pair(ExprKind::binary, line, std::move(out), std::move(right)));
    out->op = op;
  }
  return out;
}

Result<ExprPtr> Parser::concatenation() {
  const int line = current().line;
  LK_ASSIGN(ExprPtr out, product());
  if (!is(TokenKind::tilde)) return out;
  LK_ASSIGN(out, add(node(ExprKind::concat, line), std::move(out)));
  while (skip(TokenKind::tilde)) {
    LK_ASSIGN(ExprPtr right, product());
    LK_ASSIGN(out, add(std::move(out), std::move(right)));
  }
  return out;
}

Result<ExprPtr> Parser::product() {
  const int line = current().line;
  LK_ASSIGN(ExprPtr out, power());
  while (const auto op = product_of(current().kind)) {
    take();
    LK_ASSIGN(ExprPtr right, power());
    LK_ASSIGN(out, pair(ExprKind::binary, line, std::move(out), std::move(right)));
    out->op = *op;
  }
  return out;
}

Result<ExprPtr> Parser::power() {
  const int line = current().line;
  LK_ASSIGN(ExprPtr out, unary());
  while (skip(TokenKind::pow)) {
    LK_ASSIGN(ExprPtr right, unary());
    LK_ASSIGN(out, pair(ExprKind::binary, line, std::move(out), std::move(right)));
    out->op = Operator::power;
  }
  return out;
}

Result<ExprPtr> Parser::unary(bool with_filter) {
  const Nesting level(nesting_);
  if (nesting_ > kMaxNesting) return error("the expression is nested too deeply.");
  const Token token = current();
  ExprPtr out;
  if (token.kind == TokenKind::sub || token.kind == TokenKind::add) {
    take();
    LK_ASSIGN(ExprPtr operand, unary(false));
    const ExprKind kind = token.kind == TokenKind::sub ? ExprKind::negative : ExprKind::positive;
    LK_ASSIGN(out, add(node(kind, token.line), std::move(operand)));
  } else {
    LK_ASSIGN(out, primary());
  }
  LK_ASSIGN(out, postfix(std::move(out)));
  return with_filter ? filtered(std::move(out)) : std::move(out);
}

Result<ExprPtr> Parser::primary(bool with_namespace) {
  const Token token = current();
  ExprPtr out = node(ExprKind::constant, token.line);
  switch (token.kind) {
    case TokenKind::name: break;
    case TokenKind::text: {
      std::string text;
      while (is(TokenKind::text)) text += take().text;  // neighbours are one string
      out->value = Value::text(std::move(text));
      return out;
    }
    case TokenKind::integer:
    case TokenKind::real: out->value = take().value; return out;
    case TokenKind::lparen: {
      take();
      LK_ASSIGN(out, tuple({.parentheses = true}));
      LK_TRY(expect(TokenKind::rparen));
      return out;
    }
    case TokenKind::lbracket: return list_literal();
    case TokenKind::lbrace: return dict_literal();
    default: return error(join("expected an expression, found ", describe(token), "."));
  }
  take();
  const std::string& name = token.text;
  if (name == "true" || name == "True") return out->value = Value::boolean(true), std::move(out);
  if (name == "false" || name == "False") return out->value = Value::boolean(false), std::move(out);
  if (name == "none" || name == "None") return out->value = Value::none(), std::move(out);
  out->kind = ExprKind::name;
  out->name = name;
  if (with_namespace && skip(TokenKind::dot)) {
    LK_ASSIGN(const Token attribute, expect(TokenKind::name));
    out->kind = ExprKind::ns_attribute;
    out->attribute = attribute.text;
  }
  return out;
}

Result<ExprPtr> Parser::list_literal() {
  ExprPtr out = node(ExprKind::list, take().line);
  while (!is(TokenKind::rbracket)) {
    if (!out->items.empty()) LK_TRY(expect(TokenKind::comma));
    if (is(TokenKind::rbracket)) break;
    LK_ASSIGN(ExprPtr item, expression());
    LK_ASSIGN(out, add(std::move(out), std::move(item)));
  }
  LK_TRY(expect(TokenKind::rbracket));
  return out;
}

Result<ExprPtr> Parser::dict_literal() {
  ExprPtr out = node(ExprKind::dict, take().line);
  while (!is(TokenKind::rbrace)) {
    if (!out->items.empty()) LK_TRY(expect(TokenKind::comma));
    if (is(TokenKind::rbrace)) break;
    LK_ASSIGN(ExprPtr key, expression());
    LK_TRY(expect(TokenKind::colon));
    LK_ASSIGN(ExprPtr value, expression());
    LK_ASSIGN(out, add(std::move(out), std::move(key)));
    LK_ASSIGN(out, add(std::move(out), std::move(value)));
  }
  LK_TRY(expect(TokenKind::rbrace));
  return out;
}

Result<ExprPtr> Parser::tuple(const TupleRules& rules) {
  const auto at_end = [&] {
    return is(TokenKind::variable_end) || is(TokenKind::block_end) || is(TokenKind::rparen);
  };
  const int line = current().line;
  ExprPtr out = node(ExprKind::tuple, line);
  bool is_tuple = false;
  while (true) {
    if (!out->items.empty()) LK_TRY(expect(TokenKind::comma));
    if (at_end()) break;
    LK_ASSIGN(ExprPtr item, rules.simplified ? primary(rules.with_namespace) : expression(rules.with_condition));
    if (!is(TokenKind::comma) && !is_tuple && out->items.empty()) return item;
    LK_ASSIGN(out, add(std::move(out), std::move(item)));
    if (!is(TokenKind::comma)) break;
    is_tuple = true;
  }
  if (!is_tuple && !rules.parentheses) return error(join("expected an expression, found ", describe(current()), "."));
  return out;
}

Result<ExprPtr> Parser::target_name() {
  LK_ASSIGN(const Token token, expect(TokenKind::name));
  ExprPtr out = node(ExprKind::name, token.line);
  out->name = token.text;
  if (token.text == "true" || token.text == "false" || token.text == "none" || token.text == "True" ||
      token.text == "False" || token.text == "None")
    return at_line(token.line, join("'", token.text, "' cannot be assigned to."));
  return out;
}

namespace {

bool assignable(const Expr& target) {
  if (target.kind == ExprKind::name || target.kind == ExprKind::ns_attribute) return true;
  if (target.kind != ExprKind::tuple) return false;
  for (const ExprPtr& item : target.items)
    if (!assignable(*item)) return false;
  return true;
}

}  // namespace

Result<ExprPtr> Parser::target(bool with_namespace) {
  const int line = current().line;
  LK_ASSIGN(ExprPtr out, tuple({.simplified = true, .with_namespace = with_namespace}));
  if (!assignable(*out)) return at_line(line, "only names can be assigned to.");
  return out;
}

Result<ExprPtr> Parser::postfix(ExprPtr node) {
  while (true) {
    if (is(TokenKind::dot) || is(TokenKind::lbracket)) {
      LK_ASSIGN(node, subscript(std::move(node)));
    } else if (is(TokenKind::lparen)) {
      LK_ASSIGN(node, call(std::move(node)));
    } else {
      return node;
    }
  }
}

Result<ExprPtr> Parser::filtered(ExprPtr node) {
  while (true) {
    if (is(TokenKind::pipe)) {
      LK_ASSIGN(node, filter_chain(std::move(node), false));
    } else if (is_name("is")) {
      LK_ASSIGN(node, test(std::move(node)));
    } else if (is(TokenKind::lparen)) {
      LK_ASSIGN(node, call(std::move(node)));
    } else {
      return node;
    }
  }
}

Result<ExprPtr> Parser::subscript(ExprPtr object) {
  const Token token = take();
  if (token.kind == TokenKind::dot) {
    const Token name = take();
    if (name.kind == TokenKind::name) {
      LK_ASSIGN(ExprPtr out, add(node(ExprKind::attribute, token.line), std::move(object)));
      out->name = name.text;
      return out;
    }
    if (name.kind != TokenKind::integer) return at_line(name.line, join("expected a name after '.', found ", describe(name), "."));
    ExprPtr key = node(ExprKind::constant, name.line);
    key->value = name.value;
    return pair(ExprKind::item, token.line, std::move(object), std::move(key));
  }
  std::vector<ExprPtr> keys;
  while (!is(TokenKind::rbracket)) {
    if (!keys.empty()) LK_TRY(expect(TokenKind::comma));
    LK_ASSIGN(ExprPtr key, subscripted());
    keys.push_back(std::move(key));
  }
  LK_TRY(expect(TokenKind::rbracket));
  if (keys.size() == 1) return pair(ExprKind::item, token.line, std::move(object), std::move(keys[0]));
  ExprPtr key = node(ExprKind::tuple, token.line);
  for (ExprPtr& part : keys) {
    if (part->kind == ExprKind::slice) return at_line(token.line, "a slice cannot be part of a longer subscript.");
    LK_ASSIGN(key, add(std::move(key), std::move(part)));
  }
  return pair(ExprKind::item, token.line, std::move(object), std::move(key));
}

Result<ExprPtr> Parser::subscripted() {
  ExprPtr slice = node(ExprKind::slice, current().line);
  slice->items.resize(3);
  const auto part = [&](size_t i) -> Status {
    LK_ASSIGN(slice->items[i], expression());
    slice->depth = std::max(slice->depth, slice->items[i]->depth + 1);
    return Done{};
  };
  const auto over = [&] { return is(TokenKind::rbracket) || is(TokenKind::comma); };
  if (!is(TokenKind::colon)) {
    LK_TRY(part(0));
    if (!is(TokenKind::colon)) return std::move(slice->items[0]);
  }
  take();
  if (!is(TokenKind::colon) && !over()) LK_TRY(part(1));
  if (skip(TokenKind::colon) && !over()) LK_TRY(part(2));
  return slice;
}

Result<ExprPtr> Parser::call(ExprPtr callee) {
  LK_ASSIGN(ExprPtr out, add(node(ExprKind::call, current().line), std::move(callee)));
  out->arguments = std::make_unique<CallArguments>();
  LK_TRY(call_arguments(*out));
  return out;
}

Status Parser::call_arguments(Expr& call) {
  const Error wrong = error("the arguments of the call are in a wrong order.");
  CallArguments& out = *call.arguments;
  const auto value = [&](ExprPtr& to) -> Status {
    LK_ASSIGN(to, expression());
    call.depth = std::max(call.depth, to->depth + 1);
    return call.depth > kMaxDepth ? Status(error("the expression is too deep.")) : Done{};
  };
  take();  // (
  bool first = true;
  while (!is(TokenKind::rparen)) {
    if (!first) LK_TRY(expect(TokenKind::comma));
    if (is(TokenKind::rparen)) break;
    first = false;
    if (skip(TokenKind::mul)) {
      if (out.star || out.star_star) return wrong;
      LK_TRY(value(out.star));
    } else if (skip(TokenKind::pow)) {
      if (out.star_star) return wrong;
      LK_TRY(value(out.star_star));
    } else if (is(TokenKind::name) && ahead().kind == TokenKind::assign) {
      if (out.star_star) return wrong;
      const std::string name = take().text;
      for (const auto& keyword : out.keywords)
        if (keyword.first == name) return error(join("the argument '", name, "' is given twice."));
      take();  // =
      LK_TRY(value(out.keywords.emplace_back(name, nullptr).second));
    } else {
      if (out.star || out.star_star || !out.keywords.empty()) return wrong;
      LK_TRY(value(out.positional.emplace_back()));
    }
  }
  LK_TRY(expect(TokenKind::rparen));
  return Done{};
}

Result<ExprPtr> Parser::filter_chain(ExprPtr value, bool inline_start) {
  while (is(TokenKind::pipe) || inline_start) {
    if (!inline_start) take();
    inline_start = false;
    LK_ASSIGN(const Token token, expect(TokenKind::name));
    ExprPtr out = node(ExprKind::filter, token.line);
    out->name = token.text;
    while (skip(TokenKind::dot)) {
      LK_ASSIGN(const Token part, expect(TokenKind::name));
      out->name += "." + part.text;
    }
    out->arguments = std::make_unique<CallArguments>();
    if (is(TokenKind::lparen)) LK_TRY(call_arguments(*out));
    if (value) {
      LK_ASSIGN(out, add(std::move(out), std::move(value)));
    }
    value = std::move(out);
  }
  return value;
}

Result<ExprPtr> Parser::test(ExprPtr value) {
  const int line = take().line;  // is
  const bool negated = skip_name("not");
  LK_ASSIGN(const Token name, expect(TokenKind::name));
  LK_ASSIGN(ExprPtr out, add(node(ExprKind::test, line), std::move(value)));
  out->name = name.text;
  out->arguments = std::make_unique<CallArguments>();
  while (skip(TokenKind::dot)) {
    LK_ASSIGN(const Token part, expect(TokenKind::name));
    out->name += "." + part.text;
  }
  const TokenKind next = current().kind;
  const bool operand = next == TokenKind::text || next == TokenKind::integer || next == TokenKind::real ||
                       next == TokenKind::lbracket || next == TokenKind::lbrace ||
                       (next == TokenKind::name && !is_name("else") && !is_name("or") && !is_name("and"));
  if (next == TokenKind::lparen) {
    LK_TRY(call_arguments(*out));
  } else if (operand) {
    if (is_name("is")) return error("tests cannot be chained with 'is'.");
    LK_ASSIGN(ExprPtr argument, primary());
    LK_ASSIGN(argument, postfix(std::move(argument)));
    out->depth = std::max(out->depth, argument->depth + 1);
    out->arguments->positional.push_back(std::move(argument));
  }
  if (!negated) return out;
  return add(node(ExprKind::logical_not, line), std::move(out));
}

}  // namespace lorikeet::jinja
