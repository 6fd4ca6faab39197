#include "runtime/plan/choices.h"

#include <filesystem>
#include <sstream>

#include "runtime/base/file.h"
#include "runtime/base/text.h"

namespace lorikeet {
namespace {

// File names hold no odd characters: the device's key is hashed (FNV-1a).
std::string table_path(const std::string& folder, const std::string& device) {
  uint64_t hash = 1469598103934665603ull;
  for (unsigned char c : device) hash = (hash ^ c) * 1099511628211ull;
  std::ostringstream out;
  out << folder << "/choices/" << std::hex << hash << ".tsv";
  return out.str();
}

std::vector<std::string> fields(const std::string& line) {
  std::vector<std::string> result;
  std::istringstream in(line);
  for (std::string field; std::getline(in, field, '\t');) result.push_back(field);
  return result;
}

}  // namespace

std::string ChoiceTable::family(const Graph&, const Node& node) {
  std::string text(node.op->name);
  for (const Tensor& input : node.inputs) text += input ? join(" ", name(input.dtype)) : " -";
  return text;
}

std::string ChoiceTable::key(const Graph&, const Node& node) {
  std::string text(node.op->name);
  for (const Tensor& input : node.inputs) text += input ? join(" ", name(input.dtype), input.shape.text()) : " -";
  const std::string attributes = node.attributes.text();
  return attributes.empty() ? text : text + " " + attributes;
}

ChoiceTable ChoiceTable::load(const std::string& cache_folder, const DeviceProfile& profile) {
  ChoiceTable table;
  table.path_ = table_path(cache_folder, profile.key());
  if (auto text = read_text(table.path_)) {
    std::istringstream lines(*text);
    for (std::string line; std::getline(lines, line);) {
      const auto row = fields(line);
      if (row.size() == 4 && row[0] == "prefer")
        table.preferred_[row[1]] = {row[2], std::strtod(row[3].c_str(), nullptr)};
      if (row.size() == 4 && row[0] == "quarantine") table.quarantined_[{row[1], row[2]}] = row[3];
    }
  }
  return table;
}

Status ChoiceTable::save() const {
  std::error_code ignored;
  std::filesystem::create_directories(std::filesystem::path(path_).parent_path(), ignored);
  std::ostringstream out;
  for (const auto& [key, measured] : preferred_)
    out << "prefer\t" << key << "\t" << measured.choice << "\t" << measured.milliseconds << "\n";
  for (const auto& [what, reason] : quarantined_)
    out << "quarantine\t" << what.first << "\t" << what.second << "\t" << reason << "\n";
  return write_whole(path_, out.str());
}

void ChoiceTable::prefer(const std::string& key, const std::string& choice, double milliseconds) {
  preferred_[key] = {choice, milliseconds};
}

void ChoiceTable::quarantine(const std::string& family, const std::string& choice, const std::string& reason) {
  quarantined_[{family, choice}] = reason;
}

std::optional<std::string> ChoiceTable::preferred(const std::string& key) const {
  const auto found = preferred_.find(key);
  if (found == preferred_.end()) return std::nullopt;
  return found->second.choice;
}

bool ChoiceTable::quarantined(const std::string& family, const std::string& choice) const {
  return quarantined_.contains({family, choice});
}

Result<size_t> ChoiceTable::pick(const Graph& graph, const Node& node, const Choices& choices,
                                 bool reproducible) const {
  const std::string group = family(graph, node);
  const auto wanted = preferred(key(graph, node));
  std::optional<size_t> first;
  for (size_t i = 0; i < choices.size(); ++i) {
    if (quarantined(group, choices[i].name)) continue;
    if (reproducible && !choices[i].pinned_order) continue;
    if (!first) first = i;
    if (wanted && choices[i].name == *wanted) return i;
  }
  if (first) return *first;
  return unsupported(join("[", node.op->name, "] no choice is left on this device for \"", group,
                          "\": `lorikeet doctor` found all of them wrong, the plain one included."));
}

}  // namespace lorikeet
