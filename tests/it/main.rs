//! The one integration binary.
#![cfg(test)]

mod access;
mod archive;
mod bad_input;
mod bench;
mod cli;
mod commands;
mod connections;
mod crash;
mod debug;
mod engine;
mod events;
mod explain;
mod exports;
mod histories;
mod leases;
mod modules;
mod native_api;
mod openapi;
mod operations;
mod packaging;
mod past;
mod python_worker;
mod replay;
mod smartdocumentor;
mod stager_access;
mod stager_admin;
mod stager_batch;
mod stager_calls;
mod stager_page;
mod stager_queue;
mod stager_reprocess;
mod stager_transaction;
mod stager_traps;
mod store_contract;
mod tidy;
