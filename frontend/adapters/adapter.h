// An adapter as it lies on disk: a folder with adapter_config.json and adapter_model.safetensors or adapter_model.bin.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "frontend/adapters/adapter_base.h"
#include "frontend/adapters/adapter_config.h"
#include "frontend/adapters/adapter_tensors.h"
#include "runtime/base/result.h"

namespace lorikeet {

struct Adapter {
  AdapterConfig config;
  AdapterTensors tensors;
  std::vector<std::string> warnings;  // sentences for the user
};

// Reads a folder for a base; of two files of tensors the safetensors one. Whether the base fits is decided by shapes;
// another name or hash of it only gives a warning. Errors: see AdapterConfig and read_adapter_tensors; not_found.
Result<Adapter> open_adapter(const std::filesystem::path& folder, const AdapterBase& base);

// A sentence if the base is not the one that the adapter names; empty otherwise. Hashes decide where both are known,
// else the last parts of the two names.
std::string base_warning(const AdapterConfig& config, const AdapterBase& base);

struct AdapterFiles {
  bool safetensors = true;
  bool torch = true;     // adapter_model.bin, as torch.save writes it; what the published code reads
  bool replace = false;  // a folder that is there may be replaced if it holds an adapter and nothing else
};

// Writes a folder, whole or not at all: it appears under its name when every file in it is complete. Errors: io;
// invalid_argument if the folder is there already, or if the tensors are not those of the configuration.
Status write_adapter(const std::filesystem::path& folder, const AdapterConfig& config, const AdapterTensors& tensors,
                     const AdapterFiles& files = {});

}  // namespace lorikeet
