// Options of the subcommands that look at pictures.
#pragma once

#include <nlohmann/json.hpp>

#include "frontend/image/picture.h"
#include "tools/model_options.h"

namespace lorikeet::tool {

struct PictureOptions {
  std::string exif = "on", alpha, multi = "refuse", policy = "dense", svg;
  bool experts = false;

  void add(CLI::App& command);
  // How a session routes so many pictures.
  Status apply(SessionOptions& session, size_t pictures) const;
  // The pictures as the model sees them.
  Result<std::vector<Pixels>> read(const Model& model, const std::vector<std::string>& files) const;
  // How the pictures of the conversation were routed, one object a picture.
  static nlohmann::ordered_json routing(const Model& model, const Session& session);
  // Bars on stderr, and the drawing, if they were asked for.
  Status report(const Model& model, const Session& session) const;
};

}  // namespace lorikeet::tool
