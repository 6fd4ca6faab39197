// Filters that order, group and add up sequences.
#include <algorithm>

#include "frontend/chat/attribute_path.h"
#include "frontend/chat/builtins.h"
#include "frontend/chat/unicode.h"

namespace lorikeet::jinja {
namespace {

using Keyed = std::pair<Value, Value>;  // what is compared, the item

// Items in the order of their keys; equal ones keep theirs, in reverse too.
Status sort_by_key(Evaluator& evaluator, std::vector<Keyed>& items, bool reverse) {
  return sort_stably(items, [&](const Keyed& a, const Keyed& b) {
    return reverse ? evaluator.compared(Comparison::less, b.first, a.first)
                   : evaluator.compared(Comparison::less, a.first, b.first);
  });
}

Result<Value> sort(Evaluator& evaluator, Arguments& arguments) {
  LK_ASSIGN(const auto values, parameters("sort", arguments, {"value", "reverse", "case_sensitive", "attribute"}, 1));
  LK_ASSIGN(std::vector<Value> items, evaluator.collect(values[0]));
  const auto paths = AttributePath::several(values[3]);
  std::vector<Keyed> keyed;
  for (Value& item : items) {
    std::vector<Value> key;
    for (const AttributePath& path : paths) {
      LK_ASSIGN(Value part, path.of(evaluator, item));
      LK_TRY(evaluator.charge(weight(part)));
      key.push_back(truth(values[2]) ? std::move(part) : without_case(part));
    }
    LK_ASSIGN(Value all, evaluator.list(std::move(key)));
    keyed.emplace_back(std::move(all), std::move(item));
  }
  LK_TRY(sort_by_key(evaluator, keyed, truth(values[1])));
  std::vector<Value> out;
  for (Keyed& entry : keyed) out.push_back(std::move(entry.second));
  return evaluator.list(std::move(out));
}

Result<Value> dictsort(Evaluator& evaluator, Arguments& arguments) {
  LK_ASSIGN(const auto values, parameters("dictsort", arguments, {"value", "case_sensitive", "by", "reverse"}, 1));
  const bool by_value = values[2].text() && values[2].bytes() == "value";
  if (!values[2].missing() && !by_value && !(values[2].text() && values[2].bytes() == "key"))
    return fail("dictsort sorts by \"key\" or \"value\".");
  if (values[0].undefined()) return fail(values[0].get<Kind::undefined>()->message);
  if (!values[0].is(Kind::dict)) return fail("dictsort needs a dict, found ", type_name(values[0]), ".");
  std::vector<Keyed> keyed;
  for (const auto& [key, value] : values[0].dict().items()) {
    const Value& by = by_value ? value : key;
    LK_TRY(evaluator.charge(weight(by)));
    LK_ASSIGN(Value pair, evaluator.tuple({key, value}));
    keyed.emplace_back(truth(values[1]) ? by : without_case(by), std::move(pair));
  }
  LK_TRY(sort_by_key(evaluator, keyed, truth(values[3])));
  std::vector<Value> out;
  for (Keyed& entry : keyed) out.push_back(std::move(entry.second));
  return evaluator.list(std::move(out));
}

Result<Value> groupby(Evaluator& evaluator, Arguments& arguments) {
  LK_ASSIGN(const auto values,
            parameters("groupby", arguments, {"value", "attribute", "default", "case_sensitive"}, 2));
  const AttributePath path(values[1]);
  const bool exact = truth(values[3]);
  LK_ASSIGN(std::vector<Value> items, evaluator.collect(values[0]));
  std::vector<Keyed> keyed;
  for (Value& item : items) {
    LK_ASSIGN(Value key, path.of(evaluator, item, values[2]));
    LK_TRY(evaluator.charge(weight(key)));
    keyed.emplace_back(exact ? std::move(key) : without_case(key), std::move(item));
  }
  LK_TRY(sort_by_key(evaluator, keyed, false));
  std::vector<Value> out;
  for (size_t i = 0; i < keyed.size();) {
    std::vector<Value> group;
    Value key = keyed[i].first;
    for (; i < keyed.size(); ++i) {
      LK_ASSIGN(const bool same, evaluator.same(key, keyed[i].first));
      if (!same && !group.empty()) break;
      group.push_back(std::move(keyed[i].second));
    }
    if (!exact) {  // the name as the first item has it
      LK_ASSIGN(key, path.of(evaluator, group[0], values[2]));
    }
    LK_ASSIGN(Value members, evaluator.list(std::move(group)));
    LK_ASSIGN(Value pair, evaluator.tuple({std::move(key), std::move(members)}, true));
    out.push_back(std::move(pair));
  }
  return evaluator.list(std::move(out));
}

template <Comparison better>
Result<Value> extreme(Evaluator& evaluator, Arguments& arguments) {
  LK_ASSIGN(const auto values, parameters("the filter", arguments, {"value", "case_sensitive", "attribute"}, 1));
  const AttributePath path(values[2]);
  LK_ASSIGN(const Next next, evaluator.iterate(values[0]));
  Value item, best, best_key;
  while (true) {
    LK_ASSIGN(const bool more, next(item));
    if (!more) break;
    LK_ASSIGN(Value key, path.of(evaluator, item));
    LK_TRY(evaluator.charge(weight(key)));
    if (!truth(values[1])) key = without_case(key);
    if (!best.missing()) {
      LK_ASSIGN(const bool wins, evaluator.compared(better, key, best_key));
      if (!wins) continue;
    }
    best = std::move(item);
    best_key = std::move(key);
  }
  return best.missing() ? Value::undefined("the sequence was empty.") : best;
}

Result<Value> sum(Evaluator& evaluator, Arguments& arguments) {
  LK_ASSIGN(const auto values, parameters("sum", arguments, {"iterable", "attribute", "start"}, 1));
  const AttributePath path(values[1]);
  Value total = values[2].missing() ? Value::integer(0) : values[2];
  if (total.text()) return fail("sum does not add texts; join does.");
  LK_ASSIGN(const Next next, evaluator.iterate(values[0]));
  Value item;
  while (true) {
    LK_ASSIGN(const bool more, next(item));
    if (!more) return total;
    LK_ASSIGN(const Value part, path.of(evaluator, item));
    LK_ASSIGN(total, evaluator.combined(Operator::add, total, part));
  }
}

// The items that were not there before, one by one.
Result<Value> unique(Evaluator& evaluator, Arguments& arguments) {
  LK_ASSIGN(const auto values, parameters("unique", arguments, {"value", "case_sensitive", "attribute"}, 1));
  LK_ASSIGN(const Next source, evaluator.iterate(values[0]));
  const auto next = [&evaluator, source, path = AttributePath(values[2]), exact = truth(values[1]),
                     seen = std::make_shared<Dict>()](Value& out) -> Result<bool> {
    while (true) {
      LK_ASSIGN(const bool more, source(out));
      if (!more) return false;
      LK_ASSIGN(Value key, path.of(evaluator, out));
      if (!exact) key = without_case(key);
      LK_ASSIGN(const Value* found, evaluator.find(*seen, key));
      if (found) continue;
      LK_TRY(evaluator.reserve(3 * sizeof(Value)));
      seen->set(std::move(key), Value::none());
      return true;
    }
  };
  return evaluator.iterator(next, depth(values[0]));
}

Result<Value> join(Evaluator& evaluator, Arguments& arguments) {
  LK_ASSIGN(const auto values, parameters("join", arguments, {"value", "d", "attribute"}, 1));
  const AttributePath path(values[2]);
  LK_ASSIGN(const std::string between, evaluator.str(values[1].missing() ? Value::text("") : values[1]));
  LK_ASSIGN(const Next next, evaluator.iterate(values[0]));
  std::string out;
  Value item;
  for (bool first = true;; first = false) {
    LK_ASSIGN(const bool more, next(item));
    if (!more) return evaluator.text(std::move(out));
    LK_ASSIGN(const Value part, path.of(evaluator, item));
    LK_ASSIGN(const std::string text, evaluator.str(part));
    LK_TRY(evaluator.reserve(first ? 0 : between.size()));
    out += (first ? "" : between) + text;
    if (out.size() > evaluator.limits().text) return fail("join makes a text that is too large.");
  }
}

Result<Value> reverse(Evaluator& evaluator, Arguments& arguments) {
  LK_ASSIGN(const auto values, parameters("reverse", arguments, {"value"}, 1));
  if (values[0].text()) return evaluator.slice(values[0], {}, {}, Value::integer(-1));
  if (!evaluator.iterable(values[0]))
    return fail("reverse needs something to walk over, found ", type_name(values[0]), ".");
  LK_ASSIGN(std::vector<Value> items, evaluator.collect(values[0]));
  std::reverse(items.begin(), items.end());
  const bool list = values[0].is(Kind::iterator);
  LK_ASSIGN(const Value reversed, evaluator.list(std::move(items)));
  if (list) return reversed;
  LK_ASSIGN(const Next next, evaluator.iterate(reversed));
  return evaluator.iterator(next, depth(reversed));
}

constexpr Builtin kFilters[] = {
    {"sort", sort},
    {"dictsort", dictsort},
    {"groupby", groupby},
    {"min", extreme<Comparison::less>},
    {"max", extreme<Comparison::greater>},
    {"sum", sum},
    {"unique", unique},
    {"join", join},
    {"reverse", reverse},
};

}  // namespace

std::span<const Builtin> sequence_filters() { return kFilters; }

}  // namespace lorikeet::jinja
