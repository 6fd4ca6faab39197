// What a run over pictures came to: how often the right name was the likeliest, or among the likeliest.
#pragma once

#include <map>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "frontend/names/expert_map.h"
#include "frontend/names/runner.h"

namespace lorikeet::names {

struct Count {
  size_t of = 0;           // pictures
  size_t first = 0;        // the right name was the likeliest
  size_t among = 0;        // it was among those that were looked for
  size_t answered = 0;     // the free answer was the right name, letter by letter
  size_t in_language = 0;  // it was in the language that was asked, see AnswerLanguage
};

struct Summary {
  size_t looked_for = 0;                                     // names of each picture
  bool answers = false;                                      // free answers were asked for
  std::vector<Count> languages;                              // by number
  std::vector<std::map<std::string, Count>> groups, splits;  // by language, then by name; no name: not counted
  ExpertMap experts{0};
};

Summary summary(const NameSet& names, std::span<const NamedPicture> pictures, std::span<const Naming> namings,
                const RunOptions& options);

// Rows are languages and their mean, then groups and splits as means over the languages; at the end the experts.
std::string report_table(const Summary& summary, const NameSet& names);
// A drawing of the experts: languages down, experts across. Of a summary with experts.
std::string expert_map_svg(const Summary& summary, const NameSet& names);
nlohmann::ordered_json report_json(const Summary& summary, const NameSet& names);

}  // namespace lorikeet::names
