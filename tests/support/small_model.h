// Small random models as Hugging Face directories, to read, convert and compare.
#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "frontend/checkpoint/safetensors.h"

namespace lorikeet::test {

struct SmallModel {
  std::string config;  // config.json
  std::map<std::string, std::vector<float>> values;
  std::map<std::string, std::vector<uint64_t>> shapes;
};

struct SmallModelOptions {
  std::string model_type = "llama";
  bool tied = false;
  bool qkv_bias = false;
  std::string more;  // further keys of config.json, beginning with a comma
  uint32_t hidden = 64, intermediate = 96, layers = 2, heads = 4, kv_heads = 2, head_dim = 16, vocabulary = 80;
  uint32_t seed = 1;
};

SmallModel small_model(const SmallModelOptions& options);
void write_directory(const SmallModel& model,
                     const std::filesystem::path& directory);  // config.json, model.safetensors (f32)
void write_sharded(const SmallModel& model, const std::filesystem::path& directory);  // two shards and their index

}  // namespace lorikeet::test
