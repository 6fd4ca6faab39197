// The option --adapter, and the adapters that it names.
#pragma once

#include <CLI/CLI.hpp>
#include <memory>
#include <string>
#include <vector>

#include "frontend/adapters/adapter.h"

namespace lorikeet::tool {

// DIR or DIR:SCALE. What stands behind the last colon is a scale only if it is a number, what stands before it exists
// and the whole is no folder itself.
struct AdapterArgument {
  std::string path;
  double scale = 1;
};
AdapterArgument adapter_argument(const std::string& given);

struct GivenAdapter {
  std::string path;  // as it was given, without the scale
  std::string name;  // of its folder
  double scale = 1;
  std::unique_ptr<Adapter> adapter;  // does not move: a session points to it
};

struct AdapterOptions {
  std::vector<std::string> given;

  void add(CLI::App& command);
  // In the order in which they were given.
  Result<std::vector<GivenAdapter>> open(const AdapterBase& base) const;
};

}  // namespace lorikeet::tool
