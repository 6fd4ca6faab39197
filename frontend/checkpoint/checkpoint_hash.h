// Tells one model's weights from another's.
#pragma once

#include <string>

#include "frontend/checkpoint/checkpoint.h"

namespace lorikeet {

// SHA-256, 64 hexadecimal digits, over all tensors by name: name, type, shape, and the stored bytes; of a tensor of
// more than 64 KiB sixteen pieces of 4 KiB, the first and the last among them, so that large models cost milliseconds.
// Where the files lie and how they are split changes nothing; another format or type does. Empty without tensors.
std::string checkpoint_hash(const Checkpoint& checkpoint);

}  // namespace lorikeet
