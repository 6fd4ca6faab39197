#include "frontend/prompt_file.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "frontend/dataset/example_record.h"
#include "frontend/dataset/records.h"
#include "runtime/base/text.h"

namespace lorikeet {
namespace {

constexpr const char* kFields[] = {"prompt",         "messages", "tokens", "adapter", "max_tokens",
                                   "temperature",    "top_k",    "top_p",  "min_p",   "seed",
                                   "repeat_penalty", "stop",     "id"};

struct Bounds {
  double least, most;
  bool least_included = true;
};

class Reader {
 public:
  Reader(const Json& record, const std::string& where, const SamplingWishes& defaults) : json_(&record) {
    line_.where = where;
    line_.sampling = defaults;
  }

  Result<PromptLine> read() {
    LK_TRY(check_fields());
    LK_TRY(read_words());
    LK_TRY(read_adapter());
    LK_TRY(read_sampling());
    if (const Json* id = field(*json_, "id")) line_.id = id->dump(-1, ' ', false, Json::error_handler_t::replace);
    return std::move(line_);
  }

 private:
  Error wrong(std::string_view expected, std::string_view given) const {
    return corrupt(join(line_.where, ": expected ", expected, ", given ", given, "."));
  }
  // A number as it is, of anything else what it is.
  static std::string shown(const Json& value) {
    return value.is_number() ? value.dump() : std::string(kind_of(&value));
  }

  Status check_fields() {
    for (const auto& entry : json_->items()) {
      if (std::find(std::begin(kFields), std::end(kFields), entry.key()) != std::end(kFields)) continue;
      std::string names;
      for (const char* name : kFields) names += join(names.empty() ? "" : ", ", name);
      return wrong(join("the fields ", names), join("\"", entry.key().substr(0, 100), "\""));
    }
    return Done{};
  }

  Status read_words() {
    const int given =
        int(bool(field(*json_, "prompt"))) + bool(field(*json_, "messages")) + bool(field(*json_, "tokens"));
    if (given != 1) return wrong("one of the fields prompt, messages and tokens", given == 0 ? "none" : "several");
    if (field(*json_, "prompt")) {
      LK_ASSIGN(line_.text, text_field(*json_, "prompt", line_.where));
      if (line_.text->empty()) return wrong("a text in the field prompt", "an empty one");
    } else if (const Json* messages = field(*json_, "messages")) {
      LK_ASSIGN(ExampleRecord record, example_record(Json{{"messages", *messages}}, line_.where));
      if (!record.picture.empty()) return wrong("messages without pictures", "one with a picture");
      line_.messages = std::move(record.messages);
    } else {
      return read_tokens(*field(*json_, "tokens"));
    }
    return Done{};
  }

  Status read_tokens(const Json& list) {
    if (!list.is_array()) return wrong("a list in the field tokens", kind_of(&list));
    if (list.empty()) return wrong("at least one token in the field tokens", "none");
    for (const Json& value : list) {
      const bool fits = value.is_number_unsigned() && value.get<uint64_t>() <= uint64_t(INT32_MAX);
      if (!fits) return wrong("token ids in the field tokens", shown(value));
      line_.tokens.push_back(int32_t(value.get<uint64_t>()));
    }
    return Done{};
  }

  Result<std::vector<std::string>> texts_of(const char* name, const Json& value) const {
    std::vector<std::string> texts;
    if (value.is_string()) {
      texts.push_back(value.get<std::string>());
      return texts;
    }
    if (!value.is_array()) return wrong(join("a text or a list of texts in the field ", name), kind_of(&value));
    for (const Json& entry : value) {
      if (!entry.is_string()) return wrong(join("texts in the field ", name), kind_of(&entry));
      texts.push_back(entry.get<std::string>());
    }
    return texts;
  }

  // Null is an answer here: no adapter.
  Status read_adapter() {
    const auto found = json_->find("adapter");
    if (found == json_->end()) return Done{};
    line_.adapters.emplace();
    if (found->is_null()) return Done{};
    LK_ASSIGN(*line_.adapters, texts_of("adapter", *found));
    return Done{};
  }

  template <class Number>
  Status number(const char* name, const Bounds& bounds, Number& out) const {
    const Json* value = field(*json_, name);
    if (!value) return Done{};
    const double given = value->is_number() ? value->get<double>() : NAN;
    if (!(given >= bounds.least && given <= bounds.most && (bounds.least_included || given > bounds.least)))
      return wrong(join("a number ", bounds.least_included ? "from " : "above ", bounds.least, " to ", bounds.most,
                        " in the field ", name),
                   shown(*value));
    out = float(given);
    return Done{};
  }

  template <class Number>
  Status whole(const char* name, int64_t least, uint64_t most, std::optional<Number>& out) const {
    const Json* value = field(*json_, name);
    if (!value) return Done{};
    const bool fits = value->is_number_unsigned() ? value->get<uint64_t>() <= most
                                                  : value->is_number_integer() && value->get<int64_t>() >= least;
    if (!fits) return wrong(join("a whole number from ", least, " to ", most, " in the field ", name), shown(*value));
    out = value->is_number_unsigned() ? Number(value->get<uint64_t>()) : Number(value->get<int64_t>());
    return Done{};
  }

  Status read_sampling() {
    SamplingWishes& s = line_.sampling;
    LK_TRY(number("temperature", {0, 1e6}, s.temperature));
    LK_TRY(number("top_p", {0, 1, false}, s.top_p));
    LK_TRY(number("min_p", {0, 0.999999}, s.min_p));
    LK_TRY(number("repeat_penalty", {1e-3, 1e3}, s.repeat_penalty));
    LK_TRY(whole("top_k", 0, UINT32_MAX, s.top_k));
    LK_TRY(whole("seed", 0, UINT64_MAX, s.seed));
    std::optional<int64_t> max_tokens;
    LK_TRY(whole("max_tokens", -1, uint64_t(INT64_MAX), max_tokens));
    s.max_tokens = max_tokens.value_or(s.max_tokens);
    if (const Json* stop = field(*json_, "stop")) {
      LK_ASSIGN(s.stop, texts_of("stop", *stop));
    }
    return Done{};
  }

  const Json* json_;
  PromptLine line_;
};

}  // namespace

Result<std::vector<PromptLine>> parse_prompts(std::string_view text, const std::string& file,
                                              const SamplingWishes& defaults) {
  std::vector<PromptLine> lines;
  LK_TRY(read_records(text, file, [&](const Json& record, const std::string& where) -> Status {
    LK_ASSIGN(PromptLine line, Reader(record, where, defaults).read());
    lines.push_back(std::move(line));
    return Done{};
  }));
  if (lines.empty()) return corrupt(join(file, ": expected at least one prompt, given none."));
  return lines;
}

}  // namespace lorikeet
