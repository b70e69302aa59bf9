import type { Bindings } from "../../env.ts";
import { badRequest } from "../../errors.ts";
import { ask } from "../send.ts";
import type { ExportS3Config } from "../schema.ts";

/** Milliseconds until AWS must have answered. */
const WITHIN = 10_000;

/** The addresses at which AWS answers questions about buckets, by the partition in the name of a role. */
const partitions: Record<string, { ask: string; domain: string }> = {
  aws: { ask: "s3.us-east-1.amazonaws.com", domain: "amazonaws.com" },
  "aws-us-gov": { ask: "s3.us-gov-west-1.amazonaws.com", domain: "amazonaws.com" },
  "aws-cn": { ask: "s3.cn-north-1.amazonaws.com.cn", domain: "amazonaws.com.cn" },
};

/**
 * The destination of a stream to a bucket of which the public contract knows only the name and the role. AWS names the region of any bucket,
 * also to a caller without rights (`x-amz-bucket-region` of HeadBucket). A deployment with another store sets its address.
 * @throws 400
 */
export async function findBucket(env: Bindings, { s3BucketName: bucket, s3PathPrefix: prefix, iamRoleArn: roleArn }: ExportS3Config) {
  const named = { kind: "s3" as const, bucket, ...(prefix !== undefined && { prefix }), roleArn };
  if (env.AUDIT_EXPORT_STORE) return { ...named, url: env.AUDIT_EXPORT_STORE, region: "us-east-1", pathStyle: true };
  const partition = partitions[roleArn.split(":")[1] ?? ""];
  if (!partition) throw badRequest("the role belongs to no partition of AWS (iamRoleArn)");
  const request = { method: "HEAD", keepsRedirect: true } as const;
  const { answer } = await ask(env, { url: `https://${partition.ask}/${bucket}`, request }, { within: WITHIN });
  const region = answer?.headers.get("x-amz-bucket-region");
  if (answer?.status === 404) throw badRequest("AWS has no bucket of this name (s3BucketName)");
  if (!region || !/^[a-z0-9-]{1,50}$/.test(region))
    throw badRequest("AWS did not say in which region the bucket is: try again (s3BucketName)");
  // A certificate of AWS covers no bucket with dots in its name.
  return { ...named, url: `https://s3.${region}.${partition.domain}`, region, pathStyle: bucket.includes(".") };
}
