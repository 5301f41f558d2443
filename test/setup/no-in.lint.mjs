// A lint rule of our own: `in` also finds what an object inherits, and whatever is put into Object.prototype.
const noIn = {
  meta: { type: 'problem', schema: [] },
  create: (context) => ({
    BinaryExpression(node) {
      if (node.operator !== 'in' || node.left.type === 'PrivateIdentifier') return;
      context.report({ node, message: '`in` finds inherited properties too: use has() or own()' });
    },
  }),
};

export default { meta: { name: 'house' }, rules: { 'no-in': noIn } };
