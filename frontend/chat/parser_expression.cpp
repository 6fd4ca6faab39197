// Operators, from the weakest to the strongest, and the helpers of all expressions.
#include <algorithm>

#include "frontend/chat/parser.h"

namespace lorikeet::jinja {

std::string_view describe(TokenKind kind) {
  constexpr std::string_view kNames[] = {
      "text", "{{", "}}", "{%", "%}", "a name", "a string", "an integer", "a float",
      "+",    "=",  ":",  ",",  "/",  ".",      "==",       "//",         ">",
      ">=",   "{",  "[",  "(",  "<",  "<=",     "%",        "*",          "!=",
      "|",    "**", "}",  "]",  ")",  ";",      "-",        "~",          "the end of the template"};
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
    case TokenKind::eq:
      return Comparison::equal;
    case TokenKind::ne:
      return Comparison::unequal;
    case TokenKind::lt:
      return Comparison::less;
    case TokenKind::lteq:
      return Comparison::less_equal;
    case TokenKind::gt:
      return Comparison::greater;
    case TokenKind::gteq:
      return Comparison::greater_equal;
    default:
      return std::nullopt;
  }
}

std::optional<Operator> product_of(TokenKind kind) {
  switch (kind) {
    case TokenKind::mul:
      return Operator::multiply;
    case TokenKind::div:
      return Operator::divide;
    case TokenKind::floordiv:
      return Operator::floor_divide;
    case TokenKind::mod:
      return Operator::modulo;
    default:
      return std::nullopt;
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
    else if (is_name("not") && ahead().kind == TokenKind::name && ahead().text == "in")
      take(), take(), op = Comparison::not_in;
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

}  // namespace lorikeet::jinja
