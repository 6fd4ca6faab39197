// What operators work on: literals, tuples, targets, attributes, calls, filters, tests.
#include <algorithm>

#include "frontend/chat/parser.h"

namespace lorikeet::jinja {

Result<ExprPtr> Parser::primary(bool with_namespace) {
  const Token token = current();
  ExprPtr out = node(ExprKind::constant, token.line);
  switch (token.kind) {
    case TokenKind::name:
      break;
    case TokenKind::text: {
      std::string text;
      while (is(TokenKind::text)) text += take().text;  // neighbours are one string
      out->value = Value::text(std::move(text));
      return out;
    }
    case TokenKind::integer:
    case TokenKind::real:
      out->value = take().value;
      return out;
    case TokenKind::lparen: {
      take();
      LK_ASSIGN(out, tuple({.parentheses = true}));
      LK_TRY(expect(TokenKind::rparen));
      return out;
    }
    case TokenKind::lbracket:
      return list_literal();
    case TokenKind::lbrace:
      return dict_literal();
    default:
      return error(join("expected an expression, found ", describe(token), "."));
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
  const auto at_end = [&] { return is(TokenKind::variable_end) || is(TokenKind::block_end) || is(TokenKind::rparen); };
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
    if (name.kind != TokenKind::integer)
      return at_line(name.line, join("expected a name after '.', found ", describe(name), "."));
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
