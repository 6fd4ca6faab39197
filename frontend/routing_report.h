// How pictures were routed to the visual experts, for people and programs.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "frontend/viewer.h"

namespace lorikeet {

// A policy as a user writes it: "dense", "top-k:2", "top-p:0.8" (with the expert that crosses it), "min-weight:0.05";
// followed by ",renormalise" if the weights shall sum up to 1 again. Errors: invalid_argument, with what there is.
Result<RoutingPolicy> parse_policy(std::string_view text);
// Whether so many experts can be routed by it. Errors: invalid_argument.
Status check_policy(const RoutingPolicy& policy, uint32_t experts);

// The texts of the question's tokens (PictureRouting::text), for the reports below.
std::vector<std::string> token_texts(const Tokenizer& tokenizer, const std::vector<int32_t>& text);

// Bars for a terminal: experts with their probabilities and times, those that were skipped, the tokens that counted
// most.
std::string routing_bars(const PictureRouting& routing, const std::vector<std::string>& tokens);
// {"experts": [probabilities], "weights": [...], "skipped": [numbers], "entropy": h,
//  "attention": [{"token", "weight"}], "picture_reused": false, "vision_ms": t, "experts_ms": t, "expert_ms": [...]}
nlohmann::ordered_json routing_json(const PictureRouting& routing, const std::vector<std::string>& tokens);
// A drawing of the same.
std::string routing_svg(const PictureRouting& routing, const std::vector<std::string>& tokens);

}  // namespace lorikeet
