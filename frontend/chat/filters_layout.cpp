// Filters that lay texts out: indentation, width, wrapping, sizes.
#include <algorithm>
#include <cmath>
#include <utility>

#include "frontend/chat/builtins.h"
#include "frontend/chat/format_number.h"
#include "frontend/chat/unicode.h"
#include "frontend/chat/wrap.h"

namespace lorikeet::jinja {
namespace {

Result<Value> center(Evaluator& evaluator, Arguments& arguments) {
  LK_ASSIGN(const auto values, parameters("center", arguments, {"value", "width"}, 1));
  LK_ASSIGN(const std::string text, evaluator.str(values[0]));
  LK_ASSIGN(const int64_t width, to_integer("center", values[1], 80));
  const int64_t length = int64_t(unicode::length(text)), pad = std::max<int64_t>(width - length, 0);
  const int64_t left = pad / 2 + (pad & width & 1);
  LK_TRY(evaluator.reserve(size_t(pad)));
  return evaluator.text(std::string(size_t(left), ' ') + text + std::string(size_t(pad - left), ' '),
                        values[0].markup());
}

Result<Value> indent(Evaluator& evaluator, Arguments& arguments) {
  LK_ASSIGN(const auto values, parameters("indent", arguments, {"s", "width", "first", "blank"}, 1));
  LK_ASSIGN(std::string text, to_text("indent", values[0]));
  std::string by;
  if (values[1].text()) {
    by = values[1].bytes();
  } else {
    LK_ASSIGN(const int64_t width, to_integer("indent", values[1], 4));
    LK_TRY(evaluator.reserve(size_t(std::max<int64_t>(width, 0))));
    by.assign(size_t(std::max<int64_t>(width, 0)), ' ');
  }
  text += '\n';
  const bool blank = truth(values[3]);
  const auto lines = split_lines(text, false);
  LK_TRY(evaluator.reserve(lines.size() + 1, by.size() + 1));
  LK_TRY(evaluator.reserve(text.size()));
  std::string out = truth(values[2]) ? by : "";
  for (size_t i = 0; i < lines.size(); ++i) {
    if (i) out += '\n';
    if (i && (blank || !lines[i].empty())) out += by;
    out += lines[i];
  }
  return evaluator.text(std::move(out), values[0].markup());
}

Result<Value> truncate(Evaluator& evaluator, Arguments& arguments) {
  LK_ASSIGN(const auto values, parameters("truncate", arguments, {"s", "length", "killwords", "end", "leeway"}, 1));
  if (values[0].undefined()) return values[0];  // as short as anything
  LK_ASSIGN(const std::string text, to_text("truncate", values[0]));
  LK_ASSIGN(const int64_t length, to_integer("truncate", values[1], 255));
  const Value end = values[3].missing() ? Value::text("...") : values[3];
  LK_ASSIGN(const std::string tail, to_text("truncate", end));
  LK_ASSIGN(const int64_t leeway, to_integer("truncate", values[4].is(Kind::none) ? Value() : values[4], 5));
  const int64_t tail_length = int64_t(unicode::length(tail));
  if (length < tail_length) return fail("truncate needs a length of at least ", tail_length, ".");
  if (leeway < 0) return fail("truncate needs a leeway that is not negative.");
  LK_TRY(evaluator.charge(weight(values[0])));
  const std::u32string points = unicode::points(text);
  if (leeway > int64_t(1) << 40 || length > int64_t(1) << 40 || int64_t(points.size()) <= length + leeway)
    return values[0];
  std::u32string kept = points.substr(0, size_t(length - tail_length));
  if (!truth(values[2]))
    if (const size_t space = kept.rfind(U' '); space != kept.npos) kept.resize(space);
  return evaluator.text(unicode::bytes(kept) + tail, values[0].markup());
}

Result<Value> wordwrap(Evaluator& evaluator, Arguments& arguments) {
  LK_ASSIGN(const auto values,
            parameters("wordwrap", arguments, {"s", "width", "break_long_words", "wrapstring", "break_on_hyphens"}, 1));
  LK_ASSIGN(const std::string text, to_text("wordwrap", values[0]));
  WrapRules rules;
  LK_ASSIGN(const int64_t width, to_integer("wordwrap", values[1], 79));
  if (width <= 0) return fail("wordwrap needs a width of at least 1.");
  rules.width = size_t(std::min<int64_t>(width, int64_t(1) << 30));
  rules.break_words = values[2].missing() || truth(values[2]);
  rules.break_hyphens = values[4].missing() || truth(values[4]);
  std::string between = "\n";
  if (!values[3].missing() && !values[3].is(Kind::none)) {
    LK_ASSIGN(between, to_text("wordwrap", values[3]));
  }
  LK_TRY(evaluator.charge(int64_t(text.size())));
  LK_TRY(evaluator.reserve(text.size() + 1, between.size() + 1));
  std::string out;
  bool first = true;
  for (std::string_view line : split_lines(text, false)) {
    if (!std::exchange(first, false)) out += between;
    const std::vector<std::string> lines = wrapped(line, rules);
    for (size_t i = 0; i < lines.size(); ++i) out += (i ? between : "") + lines[i];
  }
  return evaluator.text(std::move(out));
}

Result<Value> filesizeformat(Evaluator& evaluator, Arguments& arguments) {
  LK_ASSIGN(const auto values, parameters("filesizeformat", arguments, {"value", "binary"}, 1));
  double bytes = 0;
  if (number(values[0])) {
    bytes = as_real(values[0]);
  } else {
    LK_ASSIGN(const std::string text, to_text("filesizeformat", values[0]));
    const auto parsed = parse_real(text);
    if (!parsed) return fail("filesizeformat needs a number, found '", text, "'.");
    bytes = *parsed;
  }
  const bool binary = truth(values[1]);
  const double base = binary ? 1024 : 1000;
  if (bytes == 1) return evaluator.text("1 Byte");
  if (std::isnan(bytes) || bytes < -9e18) return fail("filesizeformat needs a finite number.");
  if (bytes < base) return evaluator.text(join(int64_t(bytes), " Bytes"));
  constexpr std::string_view kPrefixes = "kMGTPEZY";
  double unit = base * base;
  size_t i = 0;
  for (; i + 1 < kPrefixes.size() && bytes >= unit; ++i) unit *= base;
  const char prefix = binary && i == 0 ? 'K' : kPrefixes[i];
  LK_TRY(evaluator.charge(1));
  return evaluator.text(real_digits(base * bytes / unit, 'f', 1) + " " + prefix + (binary ? "iB" : "B"));
}

constexpr Builtin kFilters[] = {
    {"center", center},
    {"indent", indent},
    {"truncate", truncate},
    {"wordwrap", wordwrap},
    {"filesizeformat", filesizeformat},
};

}  // namespace

std::span<const Builtin> layout_filters() { return kFilters; }

}  // namespace lorikeet::jinja
