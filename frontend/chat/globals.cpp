// The global functions, and the small objects that they make.
#include <algorithm>
#include <limits>

#include "frontend/chat/builtins.h"

namespace lorikeet::jinja {
namespace {

constexpr int64_t kMaxRange = 100'000;           // as in Jinja2's sandbox
constexpr int64_t kMaxBound = int64_t(1) << 60;  // so that no arithmetic on a range overflows

Result<Value> make_range(Evaluator&, Arguments& arguments) {
  if (!arguments.keywords.empty()) return fail("range takes no named arguments.");
  LK_ASSIGN(const auto values, parameters("range", arguments, {"start", "stop", "step"}, 1));
  Range range;
  LK_ASSIGN(range.stop, to_integer("range", values[0]));
  if (!values[1].missing()) {
    range.start = range.stop;
    LK_ASSIGN(range.stop, to_integer("range", values[1]));
  }
  LK_ASSIGN(range.step, to_integer("range", values[2], 1));
  if (range.step == 0) return fail("the step of a range is zero.");
  for (int64_t bound : {range.start, range.stop, range.step})
    if (bound > kMaxBound || bound < -kMaxBound) return fail("the bounds of a range are too large.");
  if (range.size() > kMaxRange) return fail("a range has more than ", kMaxRange, " items.");
  return Value::make<Kind::range>(std::make_shared<const Range>(range));
}

// dict(mapping or pairs, **more)
Result<Dict> merged(Evaluator& evaluator, std::string_view name, Arguments& arguments) {
  if (arguments.positional.size() > 1) return fail(name, " takes at most 1 unnamed argument.");
  Dict out;
  if (!arguments.positional.empty()) {
    const Value& from = arguments.positional[0];
    LK_TRY(evaluator.charge(weight(from)));
    if (from.is(Kind::dict)) {
      out = from.dict();
    } else {
      if (from.undefined()) return fail(from.get<Kind::undefined>()->message);
      LK_ASSIGN(const std::vector<Value> pairs, evaluator.collect(from));
      for (const Value& pair : pairs) {
        LK_ASSIGN(const std::vector<Value> parts, evaluator.collect(pair));
        if (parts.size() != 2) return fail(name, " needs pairs of a key and a value.");
        if (!hashable(parts[0])) return fail("a value of type ", type_name(parts[0]), " cannot be a key.");
        out.set(parts[0], parts[1]);
      }
    }
  }
  for (auto& [key, value] : arguments.keywords) out.set(Value::text(key), std::move(value));
  LK_TRY(evaluator.reserve(3 * out.size(), sizeof(Value)));
  return out;
}

Result<Value> make_dict(Evaluator& evaluator, Arguments& arguments) {
  LK_ASSIGN(Dict out, merged(evaluator, "dict", arguments));
  return evaluator.dict(std::move(out));
}

Result<Value> make_namespace(Evaluator& evaluator, Arguments& arguments) {
  LK_ASSIGN(Dict out, merged(evaluator, "namespace", arguments));
  LK_TRY(evaluator.reserve(sizeof(Namespace)));
  return evaluator.make_namespace(std::move(out));
}

Result<Value> make_cycler(Evaluator& evaluator, Arguments& arguments) {
  if (arguments.positional.empty() || !arguments.keywords.empty()) return fail("cycler needs unnamed arguments.");
  auto out = std::make_shared<Cycler>();
  LK_ASSIGN(const Value items, evaluator.tuple(std::move(arguments.positional)));
  out->items = items.items();
  out->depth = depth(items);
  return Value::make<Kind::cycler>(std::move(out));
}

Result<Value> make_joiner(Evaluator& evaluator, Arguments& arguments) {
  LK_ASSIGN(auto values, parameters("joiner", arguments, {"sep"}, 0));
  auto out = std::make_shared<Joiner>();
  if (values[0].missing()) values[0] = Value::text(", ");
  LK_TRY(evaluator.tuple({values[0]}));  // refuses what is nested too deeply
  out->separator = std::move(values[0]);
  return Value::make<Kind::joiner>(std::move(out));
}

Result<Value> raise_exception(Evaluator& evaluator, Arguments& arguments) {
  LK_ASSIGN(const auto values, parameters("raise_exception", arguments, {"message"}, 1));
  LK_ASSIGN(const std::string message, evaluator.str(values[0]));
  return evaluator.raise(message);
}

Result<Value> strftime_now(Evaluator& evaluator, Arguments& arguments) {
  LK_ASSIGN(const auto values, parameters("strftime_now", arguments, {"format"}, 1));
  LK_ASSIGN(const std::string format, to_text("strftime_now", values[0]));
  if (format.empty()) return Value::text("");
  if (format.size() > 1000) return fail("the format of strftime_now is longer than 1000 bytes.");
  const std::time_t now = evaluator.limits().now.value_or(std::time(nullptr));
  std::tm parts{};
#ifdef _WIN32
  localtime_s(&parts, &now);
#else
  localtime_r(&now, &parts);
#endif
  std::string out(64 * 1024, '\0');
  out.resize(std::strftime(out.data(), out.size(), format.c_str(), &parts));
  return evaluator.text(std::move(out));
}

Result<Value> loop_cycle(Evaluator&, Arguments& arguments) {
  const auto& all = arguments.positional;
  if (all.size() < 2 || !arguments.keywords.empty()) return fail("loop.cycle needs unnamed arguments.");
  const int64_t i = std::max<int64_t>(all[0].get<Kind::loop>()->index0, 0);
  return all[1 + size_t(i) % (all.size() - 1)];
}

Result<Value> loop_changed(Evaluator& evaluator, Arguments& arguments) {
  if (!arguments.keywords.empty()) return fail("loop.changed takes no named arguments.");
  Loop& loop = *arguments.positional[0].get<Kind::loop>();
  std::vector<Value> now(arguments.positional.begin() + 1, arguments.positional.end());
  bool changed = !loop.changed || loop.changed->size() != now.size();
  for (size_t i = 0; i < now.size() && !changed; ++i) {
    LK_ASSIGN(const bool same, evaluator.same((*loop.changed)[i], now[i]));
    changed = !same;
  }
  if (changed) loop.changed = std::move(now);
  return Value::boolean(changed);
}

Result<Value> cycler_next(Evaluator&, Arguments& arguments) {
  LK_ASSIGN(const auto values, parameters("cycler.next", arguments, {"cycler"}, 1));
  Cycler& cycler = *values[0].get<Kind::cycler>();
  const size_t at = cycler.position;
  cycler.position = (at + 1) % cycler.items.size();
  return cycler.items[at];
}

Result<Value> cycler_reset(Evaluator&, Arguments& arguments) {
  LK_ASSIGN(const auto values, parameters("cycler.reset", arguments, {"cycler"}, 1));
  values[0].get<Kind::cycler>()->position = 0;
  return Value::none();
}

Result<Value> lipsum(Evaluator&, Arguments&) { return fail("lipsum makes random text, which is not supported."); }

constexpr Builtin kGlobals[] = {
    {"lipsum", lipsum},
    {"range", make_range},
    {"dict", make_dict},
    {"namespace", make_namespace},
    {"cycler", make_cycler},
    {"joiner", make_joiner},
    {"raise_exception", raise_exception},
    {"strftime_now", strftime_now},
};
constexpr Builtin kLoop[] = {{"cycle", loop_cycle}, {"changed", loop_changed}};
constexpr Builtin kCycler[] = {{"next", cycler_next}, {"reset", cycler_reset}};

}  // namespace

std::span<const Builtin> globals() { return kGlobals; }
std::span<const Builtin> loop_methods() { return kLoop; }
std::span<const Builtin> cycler_methods() { return kCycler; }

}  // namespace lorikeet::jinja
