// Options that several subcommands share, and what they make: a device, a model and a session, with notices and
// progress on stderr.
#pragma once

#include <CLI/CLI.hpp>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "frontend/generation.h"
#include "frontend/session.h"
#include "tools/adapter_options.h"

namespace lorikeet::tool {

struct DeviceOptions {
  std::string device;
  int threads = 0;

  void add(CLI::App& command);
  Options environment() const;  // the environment's, with those of the command line over them
  Result<Device> open() const;
};

// Adds --vision: the folder of a vision tower, as Checkpoint::open takes it.
void add_vision(CLI::App& command, std::string& folder);
// Adds --logits: the file that the logits of a prompt go to.
void add_logits(CLI::App& command, std::string& file);

struct ModelOptions {
  DeviceOptions device;
  std::string path, vision;
  int64_t context = 0;
  uint32_t active = 0;
  std::string kv = "f32";
  AdapterOptions adapters;  // of those commands that add them

  void add(CLI::App& command);
  void add_or_default(CLI::App& command);  // the model need not be named
  SessionOptions session() const;
  Result<std::filesystem::path> files()
      const;  // of the model that was named, or of the one that comes with the program
};

struct SamplingOptions {
  SamplingWishes wishes;  // stop texts as the shell passes them

  void add(CLI::App& command, int64_t max_tokens_default);
  SamplingWishes asked() const;  // stop texts as they are meant
  GenerationOptions generation() const { return generation_options(asked()); }
};

// A model and a session on a device. None of them moves: they point to one another.
struct Loaded {
  std::unique_ptr<Device> device;
  std::unique_ptr<Model> model;
  std::vector<GivenAdapter> adapters;  // the session's, in its order
  std::unique_ptr<Session> session;
  double load_ms = 0;

  // All adapters for every conversation.
  Status use_adapters();
};
// Says on one line what memory will be used before it is allocated.
Result<Loaded> load(const ModelOptions& options, SessionOptions session);

}  // namespace lorikeet::tool
