// Internal. The keys of PEFT's configurations that change what an adapter computes, or that do not.
#pragma once

#include <string>
#include <vector>

#include "frontend/adapters/adapter_fields.h"
#include "runtime/base/result.h"

namespace lorikeet {

// Refuses the keys of https://huggingface.co/docs/peft that ask for what is not supported here (use_dora,
// modules_to_save, rank_pattern, ...), by name. To be called first.
Status refuse_unsupported_keys(AdapterFields& fields);

// Looks at the keys that nobody read. One that is neutral (null, false, 0 or empty) is passed over, a number or a text
// gives a sentence in `warnings`, and anything else is refused: it switches on something unknown.
Status check_unknown_keys(AdapterFields& fields, std::vector<std::string>& warnings);

}  // namespace lorikeet
