#include "frontend/multiple_choice/report.h"

#include <algorithm>
#include <cstdio>
#include <functional>
#include <set>

#include "frontend/text/utf8.h"

namespace lorikeet::multiple_choice {
namespace {

using Json = nlohmann::ordered_json;
using Categories = std::map<std::string, Accuracy>;

Json values(const Categories& categories) {
  Json object = Json::object();
  for (const auto& [name, accuracy] : categories) object[name] = accuracy.value();
  return object;
}

std::string percent(const Accuracy& accuracy) {
  char text[16];
  std::snprintf(text, sizeof text, "%.2f", 100 * accuracy.value());
  return accuracy.of > 0 ? text : "-";
}

using Row = std::vector<std::string>;

// A row for each category that a score has.
void add_categories(std::vector<Row>& rows, std::span<const Score> scores, Categories Score::*categories) {
  std::set<std::string> names;
  for (const Score& score : scores)
    for (const auto& entry : score.*categories) names.insert(entry.first);
  for (const std::string& name : names) {
    Row& row = rows.emplace_back(Row{name});
    for (const Score& score : scores) {
      const auto found = (score.*categories).find(name);
      row.push_back(found == (score.*categories).end() ? "-" : percent(found->second));
    }
  }
}

// The first column to the left, numbers to the right.
std::string aligned(const std::vector<Row>& rows) {
  std::vector<size_t> widths(rows.front().size());
  for (const Row& row : rows)
    for (size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], count_characters(row[i]));
  std::string text;
  for (const Row& row : rows) {
    for (size_t i = 0; i < row.size(); ++i) {
      const std::string gap(widths[i] - count_characters(row[i]), ' ');
      text += i == 0 ? row[i] + gap : "  " + gap + row[i];
    }
    text += '\n';
  }
  return text;
}

}  // namespace

Json report_json(const Evaluation& evaluation, const std::string& model) {
  Json scores = Json::array();
  for (const Score& score : evaluation.scores)
    scores.push_back({{"part", score.part},
                      {"split", score.split},
                      {"questions", score.vanilla.of},
                      {"overall", score.overall.value()},
                      {"vanilla", score.vanilla.value()},
                      {"l2_categories", values(score.l2_categories)},
                      {"categories", values(score.categories)}});
  return {{"data_set", evaluation.data_set}, {"model", model},
          {"matching", "published"},         {"questions", evaluation.questions},
          {"answered", evaluation.answered}, {"scores", std::move(scores)}};
}

std::string report_table(std::span<const Score> scores) {
  const bool splits =
      std::any_of(scores.begin(), scores.end(), [&](const Score& s) { return s.split != scores[0].split; });
  std::vector<Row> rows = {{""}, {"overall"}};
  for (const Score& score : scores) {
    rows[0].push_back(splits ? score.part + " " + score.split : score.part);
    rows[1].push_back(percent(score.overall));
  }
  if (std::any_of(scores.begin(), scores.end(), [](const Score& s) { return is_circular(s.part); })) {
    rows.push_back({"vanilla"});
    for (const Score& score : scores) rows.back().push_back(percent(score.vanilla));
  }
  add_categories(rows, scores, &Score::l2_categories);
  add_categories(rows, scores, &Score::categories);
  return aligned(rows);
}

}  // namespace lorikeet::multiple_choice
