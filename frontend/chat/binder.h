// Gives every variable of a template its slot, by Jinja2's static scopes: which of them a name means is decided by the
// text alone. Also refuses filters and tests that do not exist where the template would surely use them.
#pragma once

#include "frontend/chat/ast.h"

namespace lorikeet::jinja {

Status bind(Template& source);

}  // namespace lorikeet::jinja
