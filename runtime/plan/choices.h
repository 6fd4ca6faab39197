// ChoiceTable: what is known of the choices on one device and driver: which one is preferred for an op, its types,
// shape and row class; how long it took; which are quarantined. Heuristics read it; only `bench --tune` and `doctor`
// write it.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>

#include "runtime/base/result.h"
#include "runtime/graph/graph.h"

namespace lorikeet {

class ChoiceTable {
 public:
  // What a choice depends on: op, types and shapes of the inputs.
  static std::string key(const Graph& graph, const Node& node);
  // What a verdict covers: op and types, whatever the shape.
  static std::string family(const Graph& graph, const Node& node);

  // A missing or unreadable file is an empty table.
  static ChoiceTable load(const std::string& cache_folder, const DeviceProfile& profile);
  Status save() const;

  void prefer(const std::string& key, const std::string& choice, double milliseconds);
  void quarantine(const std::string& family, const std::string& choice, const std::string& reason);
  void release_all() { quarantined_.clear(); }
  std::optional<std::string> preferred(const std::string& key) const;
  bool quarantined(const std::string& family, const std::string& choice) const;
  const std::map<std::pair<std::string, std::string>, std::string>& quarantine_list() const { return quarantined_; }

  // The choice to take, as an index. `reproducible` leaves out choices whose order of additions is not pinned.
  Result<size_t> pick(const Graph& graph, const Node& node, const Choices& choices, bool reproducible) const;

 private:
  struct Measured {
    std::string choice;
    double milliseconds = 0;
  };
  std::string path_;
  std::map<std::string, Measured> preferred_;
  std::map<std::pair<std::string, std::string>, std::string> quarantined_;  // (family, choice) -> reason
};

}  // namespace lorikeet
