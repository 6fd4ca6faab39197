// One function a subcommand: declares its options on the program and, when it is the one that was asked for, leaves
// what is to be done in `job`.
#pragma once

#include <CLI/CLI.hpp>
#include <functional>

#include "runtime/base/result.h"

namespace lorikeet::tool {

using Job = std::function<Status()>;

void add_bench(CLI::App& program, Job& job);
void add_chat(CLI::App& program, Job& job);
void add_convert(CLI::App& program, Job& job);
void add_devices(CLI::App& program, Job& job);
void add_doctor(CLI::App& program, Job& job);
void add_eval(CLI::App& program, Job& job);
void add_eval_mmmb(CLI::App& eval, Job& job);  // its subcommands, and perplexity
void add_eval_tasks(CLI::App& eval, Job& job);
void add_eval_names(CLI::App& eval, Job& job);
void add_factor(CLI::App& program, Job& job);
void add_factor_report(CLI::App& program, Job& job);
void add_finetune(CLI::App& program, Job& job);
void add_generate(CLI::App& program, Job& job);
void add_inspect(CLI::App& program, Job& job);
void add_see(CLI::App& program, Job& job);

}  // namespace lorikeet::tool
