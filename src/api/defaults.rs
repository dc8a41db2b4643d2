//! The defaults that the API server fills in.

use std::sync::Arc;

use super::resources::{is_huge_pages, is_pod_level};
use super::{Container, ImagePullPolicy, Pod, PodSpec, Probe, ResourceRequirements};

impl Pod {
    /// Fills absent fields with the defaults that Kubernetes documents, as the API server does.
    ///
    /// A pod that came from the API has them; one from a manifest needs them. Fields that are there stay.
    pub fn apply_defaults(&mut self) {
        if self.metadata.namespace.is_empty() {
            "default".clone_into(&mut self.metadata.namespace);
        }
        Arc::make_mut(&mut self.spec).apply_defaults();
    }
}

impl PodSpec {
    fn apply_defaults(&mut self) {
        self.termination_grace_period_seconds.get_or_insert(30);
        for container in
            self.init_containers.iter_mut().chain(&mut self.containers).chain(&mut self.ephemeral_containers)
        {
            container.apply_defaults();
        }
        self.default_pod_requests();
    }

    /// A pod with resources of its own (KEP-2837) requests what its containers request together, and its limit where
    /// they request nothing. Huge pages are not shared: there only the limit counts.
    fn default_pod_requests(&mut self) {
        if self.resources == ResourceRequirements::default() {
            return;
        }
        let of_containers = self.of_containers(|resources| &resources.requests);
        for (name, amount) in
            of_containers.iter().filter(|(name, _)| is_pod_level(name) && !is_huge_pages(name))
        {
            self.resources.requests.entry(name.clone()).or_insert_with(|| amount.clone());
        }
        limits_imply_requests(&mut self.resources);
    }
}

impl Container {
    fn apply_defaults(&mut self) {
        self.image_pull_policy.get_or_insert(ImagePullPolicy::default_for(&self.image));
        limits_imply_requests(&mut self.resources);
        let probes = [&mut self.liveness_probe, &mut self.readiness_probe, &mut self.startup_probe];
        probes.into_iter().flatten().for_each(Probe::apply_defaults);
    }
}

impl ImagePullPolicy {
    /// The policy of a container that names none: `Always` when the image's tag is `latest` or absent
    /// (and no digest is given), else `IfNotPresent`.
    #[must_use]
    pub fn default_for(image: &str) -> Self {
        let last_segment = image.rsplit('/').next().unwrap_or(image);
        let pinned = last_segment.contains('@')
            || last_segment.split_once(':').is_some_and(|(_, tag)| tag != "latest");
        if pinned { Self::IfNotPresent } else { Self::Always }
    }
}

impl Probe {
    fn apply_defaults(&mut self) {
        self.timeout_seconds.get_or_insert(1);
        self.period_seconds.get_or_insert(10);
        self.success_threshold.get_or_insert(1);
        self.failure_threshold.get_or_insert(3);
    }
}

fn limits_imply_requests(resources: &mut ResourceRequirements) {
    for (name, limit) in &resources.limits {
        if !resources.requests.contains_key(name) {
            resources.requests.insert(name.clone(), limit.clone());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pull_policy_follows_the_tag() {
        for (image, policy) in [
            ("nginx", ImagePullPolicy::Always),
            ("nginx:latest", ImagePullPolicy::Always),
            ("nginx:1.27", ImagePullPolicy::IfNotPresent),
            ("localhost:5000/nginx", ImagePullPolicy::Always),
            ("localhost:5000/nginx:2", ImagePullPolicy::IfNotPresent),
            ("nginx@sha256:0123", ImagePullPolicy::IfNotPresent),
        ] {
            assert_eq!(ImagePullPolicy::default_for(image), policy, "{image}");
        }
    }

    #[test]
    fn a_pod_requests_what_its_containers_do() {
        let json = r#"{"metadata": {"name": "p"}, "spec": {
            "resources": {"limits": {"cpu": "4", "memory": "8Gi", "hugepages-2Mi": "4Mi"}},
            "containers": [{"name": "a", "image": "a", "resources": {"requests": {"cpu": "1"}}},
                           {"name": "b", "image": "b", "resources": {"requests": {"cpu": "500m"}}}]}}"#;
        let pod = Pod::from_json(json).unwrap();
        let requests = pod.spec.resources.requests.iter().map(|(name, amount)| format!("{name}={amount}"));
        assert_eq!(requests.collect::<Vec<_>>(), ["cpu=1500m", "hugepages-2Mi=4Mi", "memory=8Gi"]);
    }

    #[test]
    fn what_is_there_stays() {
        let json = r#"{"metadata": {"name": "p"}, "spec": {"terminationGracePeriodSeconds": 5, "containers": [
            {"name": "a", "image": "a", "resources": {"requests": {"cpu": "1"}, "limits": {"cpu": "2", "memory": "1Gi"}},
             "livenessProbe": {"exec": {"command": ["true"]}, "periodSeconds": 3}}]}}"#;
        let pod = Pod::from_json(json).unwrap();
        let app = &pod.spec.containers[0];
        assert_eq!(pod.spec.termination_grace_period_seconds, Some(5));
        assert_eq!(app.resources.requests["cpu"], "1".parse().unwrap());
        assert_eq!(app.resources.requests["memory"], "1Gi".parse().unwrap());
        let probe = app.liveness_probe.as_ref().unwrap();
        assert_eq!((probe.period_seconds, probe.failure_threshold), (Some(3), Some(3)));
    }
}
