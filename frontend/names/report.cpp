#include "frontend/names/report.h"

#include <algorithm>
#include <cstdio>
#include <nlohmann/json.hpp>

#include "frontend/names/answer_language.h"
#include "runtime/base/text.h"

namespace lorikeet::names {
namespace {

using Json = nlohmann::ordered_json;

constexpr uint64_t kSeed = 1;  // of the shuffled languages

void add(Count& count, const Count& one) {
  count.of += one.of;
  count.first += one.first;
  count.among += one.among;
  count.answered += one.answered;
  count.in_language += one.in_language;
}

bool holds(const LikelyName& name, size_t thing) {
  return std::find(name.things.begin(), name.things.end(), thing) != name.things.end();
}

// Shares of the pictures, each language counting alike.
struct Shares {
  size_t of = 0;  // pictures
  double first = 0, among = 0, answered = 0, in_language = 0;
};

Shares shares(std::span<const Count> counts) {
  Shares mean;
  size_t languages = 0;
  for (const Count& count : counts) {
    if (count.of == 0) continue;
    const double of = double(count.of);
    ++languages;
    mean.of += count.of;
    mean.first += double(count.first) / of;
    mean.among += double(count.among) / of;
    mean.answered += double(count.answered) / of;
    mean.in_language += double(count.in_language) / of;
  }
  for (double* share : {&mean.first, &mean.among, &mean.answered, &mean.in_language}) *share /= double(languages);
  return mean;
}

using Named = std::vector<std::pair<std::string, Shares>>;

Named by_name(const std::vector<std::map<std::string, Count>>& languages) {
  std::map<std::string, std::vector<Count>> all;
  for (const auto& language : languages)
    for (const auto& [name, count] : language) all[name].push_back(count);
  Named named;
  for (const auto& [name, counts] : all) named.emplace_back(name, shares(counts));
  return named;
}

Json shares_json(const Shares& shares, const Summary& summary) {
  Json json = {{"pictures", shares.of}, {"top_1", shares.first}, {join("top_", summary.looked_for), shares.among}};
  if (!summary.answers) return json;
  json["answered"] = shares.answered;
  json["in_language"] = shares.in_language;
  return json;
}

std::string line(const std::string& name, const Shares& shares, const Summary& summary) {
  char text[160];
  std::snprintf(text, sizeof text, "%-12s  %8zu  %6.2f  %6.2f", name.c_str(), shares.of, 100 * shares.first,
                100 * shares.among);
  std::string all = text;
  if (summary.answers) {
    std::snprintf(text, sizeof text, "  %6.2f  %11.2f", 100 * shares.answered, 100 * shares.in_language);
    all += text;
  }
  return all + "\n";
}

std::string experts_table(const Summary& summary, const NameSet& names) {
  const auto means = summary.experts.means();
  std::string text = "\nexperts     ";
  char part[64];
  for (size_t e = 0; e < means.front().size(); ++e) {
    std::snprintf(part, sizeof part, "  %6zu", e);
    text += part;
  }
  for (size_t l = 0; l < means.size(); ++l) {
    std::snprintf(part, sizeof part, "\n%-12s", names.languages[l].code.c_str());
    text += part;
    for (const double p : means[l]) {
      std::snprintf(part, sizeof part, "  %6.2f", 100 * p);
      text += part;
    }
  }
  std::snprintf(part, sizeof part, "\nlanguage and expert share %.4f bits; ", summary.experts.information());
  text += part;
  std::snprintf(part, sizeof part, "shuffled %.4f\n", summary.experts.shuffled_information(kSeed));
  return text + part;
}

}  // namespace

Summary summary(const NameSet& names, std::span<const NamedPicture> pictures, std::span<const Naming> namings,
                const RunOptions& options) {
  const size_t languages = names.languages.size();
  Summary summary{.looked_for = options.names,
                  .answers = options.answer_tokens > 0,
                  .languages = std::vector<Count>(languages),
                  .groups = std::vector<std::map<std::string, Count>>(languages),
                  .splits = std::vector<std::map<std::string, Count>>(languages),
                  .experts = ExpertMap(languages)};
  const AnswerLanguage answer_language(names);
  for (const Naming& naming : namings) {
    const NamedPicture& picture = pictures[naming.picture];
    const auto right = [&](const LikelyName& name) { return holds(name, picture.thing); };
    const size_t l = naming.language;
    const Count one = {.of = 1,
                       .first = !naming.names.empty() && right(naming.names[0]),
                       .among = std::any_of(naming.names.begin(), naming.names.end(), right),
                       .answered = naming.answer == names.languages[l].names[picture.thing],
                       .in_language = answer_language.is(naming.answer, l)};
    add(summary.languages[l], one);
    if (!picture.group.empty()) add(summary.groups[l][picture.group], one);
    if (!picture.split.empty()) add(summary.splits[l][picture.split], one);
    if (!naming.experts.empty()) summary.experts.add(l, naming.experts);
  }
  return summary;
}

std::string report_table(const Summary& summary, const NameSet& names) {
  std::string text = join("              pictures   top 1  top ", summary.looked_for,
                          summary.looked_for < 10 ? " " : "", summary.answers ? "  answer  in language\n" : "\n");
  for (size_t l = 0; l < summary.languages.size(); ++l)
    text += line(names.languages[l].code, shares({&summary.languages[l], 1}), summary);
  text += line("mean", shares(summary.languages), summary);
  for (const auto* parts : {&summary.groups, &summary.splits}) {
    const Named named = by_name(*parts);
    if (!named.empty()) text += "\n";
    for (const auto& [name, share] : named) text += line(name, share, summary);
  }
  return summary.experts.empty() ? text : text + experts_table(summary, names);
}

nlohmann::ordered_json report_json(const Summary& summary, const NameSet& names) {
  Json json = {{"names", names.things.size()}, {"mean", shares_json(shares(summary.languages), summary)}};
  const auto part = [&](const char* key, const std::vector<std::map<std::string, Count>>& parts) {
    for (const auto& [name, share] : by_name(parts)) json[key][name] = shares_json(share, summary);
  };
  for (size_t l = 0; l < names.languages.size(); ++l) {
    Json language = shares_json(shares({&summary.languages[l], 1}), summary);
    for (const auto& [key, parts] : {std::pair{"groups", &summary.groups[l]}, std::pair{"splits", &summary.splits[l]}})
      for (const auto& [name, count] : *parts) language[key][name] = shares_json(shares({&count, 1}), summary);
    json["languages"][names.languages[l].code] = std::move(language);
  }
  part("groups", summary.groups);
  part("splits", summary.splits);
  if (summary.experts.empty()) return json;
  const auto means = summary.experts.means();
  for (size_t l = 0; l < means.size(); ++l) json["experts"][names.languages[l].code] = means[l];
  json["information"] = summary.experts.information();
  json["shuffled_information"] = summary.experts.shuffled_information(kSeed);
  return json;
}

}  // namespace lorikeet::names
