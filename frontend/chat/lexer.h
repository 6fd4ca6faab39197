// Cuts a template into tokens: Jinja2 3.1 with trim_blocks and lstrip_blocks, a single final newline dropped.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "frontend/chat/value.h"

namespace lorikeet::jinja {

enum class TokenKind {
  data,
  variable_begin,
  variable_end,
  block_begin,
  block_end,
  name,
  text,
  integer,
  real,
  add,
  assign,
  colon,
  comma,
  div,
  dot,
  eq,
  floordiv,
  gt,
  gteq,
  lbrace,
  lbracket,
  lparen,
  lt,
  lteq,
  mod,
  mul,
  ne,
  pipe,
  pow,
  rbrace,
  rbracket,
  rparen,
  semicolon,
  sub,
  tilde,
  end
};

struct Token {
  TokenKind kind = TokenKind::end;
  int line = 1;
  std::string text;  // data, the characters of a name, operator or string
  Value value;       // of a number
};

// The last token is of kind `end`. Errors carry the line: characters that mean nothing, brackets that do not match,
// strings, comments and raw blocks without an end, text that is not UTF-8.
Result<std::vector<Token>> tokenize(std::string_view source);

// "[chat template] line 3: ..."
Error at_line(int line, const std::string& message);

}  // namespace lorikeet::jinja
