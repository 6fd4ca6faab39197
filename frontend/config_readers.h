// The two ways to read a DecoderConfig; use DecoderConfig::from.
#pragma once

#include "frontend/config.h"

namespace lorikeet {

Result<DecoderConfig> config_from_gguf(const Checkpoint& checkpoint);
Result<DecoderConfig> config_from_huggingface(const Checkpoint& checkpoint);
// From the texts of config.json and generation_config.json (may be empty); `file` begins the messages.
Result<DecoderConfig> config_from_json(const std::string& config, const std::string& generation,
                                       const std::string& file);

// factor.json over what `factor` says already. Errors: corrupt.
Status read_factor_json(const std::string& text, const std::string& file, FactorConfig& factor);

// A number that a file gives, as 32 bits between 1 and `limit`. `what` is its key.
Result<uint32_t> checked_count(uint64_t value, uint64_t limit, const std::string& file, std::string_view what);
void add_eos(DecoderConfig& config, uint32_t id);  // unless it is there already

}  // namespace lorikeet
