//! What the system says of this process, under the names that Prometheus' own clients use. Does not know what it does.

use std::sync::atomic::AtomicU64;

use procfs::process::Process;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

/// Looks it up; what the system does not say is left out.
pub(super) fn sample(registry: &mut Registry) {
    let Ok(process) = Process::myself() else { return };
    if let Ok(stat) = process.stat() {
        let ticks_per_second = procfs::ticks_per_second();
        let seconds = |ticks: u64| ticks as f64 / ticks_per_second as f64;
        let cpu = Counter::<f64, AtomicU64>::default();
        cpu.inc_by(seconds(stat.utime + stat.stime));
        registry.register("process_cpu_seconds", "Processor time that the process has used", cpu);
        let resident = stat.rss.saturating_mul(procfs::page_size());
        gauge(
            registry,
            "process_resident_memory_bytes",
            "Memory that the process has in RAM",
            resident as f64,
        );
        if let Ok(booted_s) = procfs::boot_time_secs() {
            let started_s = booted_s as f64 + seconds(stat.starttime);
            let help = "When the process started, in seconds since the Unix epoch";
            gauge(registry, "process_start_time_seconds", help, started_s);
        }
    }
    if let Ok(open) = process.fd_count() {
        gauge(registry, "process_open_fds", "File descriptors that are open", open as f64);
    }
    if let Ok(limits) = process.limits()
        && let procfs::process::LimitValue::Value(max) = limits.max_open_files.soft_limit
    {
        gauge(registry, "process_max_fds", "How many file descriptors may be open", max as f64);
    }
}

fn gauge(registry: &mut Registry, name: &str, help: &str, value: f64) {
    let gauge = Gauge::<f64, AtomicU64>::default();
    gauge.set(value);
    registry.register(name, help, gauge);
}
