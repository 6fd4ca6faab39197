/* Checks of the users in C. A failed one is counted and goes on, a failed need ends the program. */
#pragma once

#include <lorikeet.h>
#include <stdio.h>
#include <stdlib.h>

extern int failures;

#define CHECK(condition)                                                                        \
  do {                                                                                          \
    if (!(condition)) {                                                                         \
      ++failures;                                                                               \
      fprintf(stderr, "line %d: %s (last error: %s)\n", __LINE__, #condition, lk_last_error()); \
    }                                                                                           \
  } while (0)
#define NEED(call)                                                                                         \
  do {                                                                                                     \
    const lk_status status_ = (call);                                                                      \
    if (status_ != LK_OK) {                                                                                \
      fprintf(stderr, "line %d: %s: %s: %s\n", __LINE__, #call, lk_status_name(status_), lk_last_error()); \
      exit(1);                                                                                             \
    }                                                                                                      \
  } while (0)

/* The token ids and the text of an answer. */
typedef struct collected {
  int32_t ids[256];
  char text[2048];
  size_t count, size;
  size_t limit; /* 0: none; else the callback ends the answer after so many */
  lk_session* to_cancel;
} collected;

int32_t collect(void* user, int32_t token, const char* text, size_t size); /* lk_token_fn; user: a collected */

/* What a model that sees must do: asked about a picture's file. Prints the ids of the answer. */
void check_pictures(lk_device* device, const char* path, const char* file, const char* question);
/* A model with two adapters, the first one with routers. Prints the ids of an answer with the first. */
void check_adapters(lk_device* device, const char* path, const char* first_folder, const char* second_folder);
/* What a model for text alone says of pictures. */
void check_blind(lk_model* model);
