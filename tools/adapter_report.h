// What `lorikeet inspect --adapter` shows: the adapters, and how their routers route texts.
#pragma once

#include <string>

#include "tools/model_options.h"

namespace lorikeet::tool {

struct AdapterReportOptions {
  std::string texts, svg;  // --routing, --svg
  bool json = false;
  uint32_t parallel = 8;

  void add(CLI::App& command);
  // Throws where the options make no sense together.
  void check(const AdapterOptions& adapters) const;
};

// Without --routing no device is needed.
Status report_adapters(const ModelOptions& model, const AdapterReportOptions& options);

}  // namespace lorikeet::tool
