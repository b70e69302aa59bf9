/** A model of the rules of descent without a database: what was made, and with which credential. */
export type Org = "acme" | "globex";

export interface Person {
  login: string;
  /** A token that creates nothing: it shows what the person may do, and ends the person's other tokens. */
  probe: string;
  /** Organizations that the operator made the person an administrator of. */
  native: Org[];
}

export interface Node {
  kind: "personal" | "session" | "organization" | "invitation" | "membership";
  id: string;
  /** The number of the step that made the node. */
  at: number;
  /** The credential that made the node; undefined if the operator made it. */
  parent: Node | undefined;
  /** The person to whom the credential or membership belongs. */
  person: Person | undefined;
  /** The organization of a token, an invitation or a membership. */
  org: Org | undefined;
  /** The value of a token, or the cookie of a session. */
  value: string;
  /** Whether it is an organization token with the role Admin. */
  admin: boolean;
  /** The token that it replaced by a rotation. */
  replaces: Node | undefined;
  /** The step that ended the node in another way: a rotation, a removal or a cancellation. */
  endedAt: number | undefined;
}

export class Model {
  readonly nodes: Node[] = [];
  at = 0;

  add(node: Partial<Node> & Pick<Node, "kind" | "id">): Node {
    const made: Node = {
      parent: undefined,
      person: undefined,
      org: undefined,
      value: "",
      admin: false,
      replaces: undefined,
      endedAt: undefined,
      at: this.at,
      ...node,
    };
    this.nodes.push(made);
    return made;
  }

  membershipOf(person: Person, org: Org): Node | undefined {
    return this.nodes.find(
      (node) => node.kind === "membership" && node.person === person && node.org === org && node.endedAt === undefined,
    );
  }

  isAdmin(person: Person, org: Org): boolean {
    return person.native.includes(org) || this.membershipOf(person, org)?.admin === true;
  }

  /** A token, and the tokens that it replaced by rotations. */
  lineOf(node: Node): Node[] {
    return node.replaces ? [node, ...this.lineOf(node.replaces)] : [node];
  }

  /**
   * Everything that descends from a credential, without the credential itself. @param line the credential, and the tokens that count as the
   * same credential
   */
  below(root: Node, line = [root]): Set<Node> {
    const found = new Set<Node>(line);
    for (let size = 0; size < found.size;) {
      size = found.size;
      for (const node of this.nodes) if (this.parentsOf(node).some((parent) => found.has(parent))) found.add(node);
    }
    found.delete(root);
    return found;
  }

  /**
   * An invitation that a machine's token created cannot be accepted once no token of that line of rotations is valid, although nobody
   * canceled it.
   */
  isOrphan({ kind, parent }: Node, ended: (node: Node) => boolean): boolean {
    if (kind !== "invitation" || parent?.kind !== "organization") return false;
    return this.nodes.filter((other) => this.firstOf(other) === this.firstOf(parent)).every(ended);
  }

  private firstOf = (node: Node): Node => this.lineOf(node).at(-1)!;

  depthOf(node: Node): number {
    return Math.max(0, ...this.parentsOf(node).map((parent) => this.depthOf(parent) + 1));
  }

  /** The credential that made a node, and the memberships that allowed it. */
  private parentsOf({ parent, org, at }: Node): Node[] {
    if (!parent) return [];
    const reasons = this.nodes.filter(
      (node) =>
        org !== undefined &&
        node.kind === "membership" &&
        node.org === org &&
        parent.person !== undefined &&
        node.person === parent.person &&
        (node.endedAt === undefined || at <= node.endedAt),
    );
    return [parent, ...reasons];
  }
}
